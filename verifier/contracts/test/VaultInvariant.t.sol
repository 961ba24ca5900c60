// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";
import {Novation} from "../src/Novation.sol";
import {TestToken} from "./support/TestToken.sol";
import {VaultHandler} from "./support/VaultHandler.sol";

/// @dev What holds after any sequence of deposits, batches, claims and gifts.
contract VaultInvariantTest is Test {
    VaultHandler private handler;
    Novation private novation;
    TestToken private token;

    function setUp() public {
        handler = new VaultHandler();
        handler.setUp();
        (address vault, address collateral) = handler.target();
        (novation, token) = (Novation(vault), TestToken(collateral));
        bytes4[] memory selectors = new bytes4[](5);
        selectors[0] = VaultHandler.deposit.selector;
        selectors[1] = VaultHandler.batch.selector;
        selectors[2] = VaultHandler.claim.selector;
        selectors[3] = VaultHandler.gift.selector;
        selectors[4] = VaultHandler.markets.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: selectors}));
    }

    /// Every token in the vault is queued, inside, owed, or a gift: nothing is counted twice and nothing is lost.
    function invariant_balance_is_queued_plus_inside_plus_owed_plus_gifts() public view {
        (uint128 inside, uint128 owed) = novation.balances();
        assertEq(inside, handler.inside());
        assertEq(owed, handler.owed());
        uint256 balance = token.balanceOf(address(novation));
        assertEq(balance, handler.queued() + inside + owed + handler.given());
        assertEq(handler.deposited(), handler.queued() + inside + owed + handler.paid());
    }

    /// Claims are what the books say, sum to `owed`, and were paid to whom their owners said, once.
    function invariant_claims_sum_to_what_is_owed_and_are_paid_once() public view {
        uint256 sum;
        for (uint256 i = 0; i < 4; ++i) {
            address person = handler.person(i);
            assertEq(novation.claimable(person), handler.claims(person));
            assertEq(token.balanceOf(person), handler.received(person));
            sum += handler.claims(person);
        }
        (, uint128 owed) = novation.balances();
        assertEq(sum, owed);
    }

    /// Below the head every deposit was credited or refunded, once (the handler asserts); at or above it none was.
    function invariant_deposits_are_consumed_in_order_and_exactly_once() public view {
        uint256 consumed = novation.head().depositsConsumed;
        (uint40 length,) = novation.queueState();
        assertEq(length, handler.entryCount());
        assertLe(consumed, length);
        for (uint256 i = 0; i < length; ++i) {
            assertEq(handler.fates(i) == VaultHandler.Fate.Queued, i >= consumed);
        }
    }

    /// The head moves by batches alone (the handler asserts that each moves it forward).
    function invariant_head_moves_by_batches_alone() public view {
        assertEq(novation.head().batch, handler.batches());
    }

    /// Not vacuous: over a run of this length everything has happened.
    function afterInvariant() public view {
        assertGt(handler.batches(), 0);
        assertGt(handler.entryCount(), 0);
    }
}
