// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {INovation} from "../../src/interfaces/INovation.sol";
import {Batch} from "./Batches.sol";
import {NovationTest} from "./NovationTest.sol";

/// @title Random deposits, batches, claims and gifts that the contract must all accept, and books kept beside it.
/// @dev The invariant test calls these at random. `fail_on_revert` is on: a call that reverts is a failure.
contract VaultHandler is NovationTest {
    /// @dev What became of a deposit, by its position in the queue.
    enum Fate {
        Queued,
        Credited,
        Refunded
    }

    address[4] private people = [makeAddr("ann"), makeAddr("ben"), makeAddr("cyn"), makeAddr("dan")];
    INovation.DepositEntry[] private entries;
    Fate[] public fates;
    mapping(address account => uint256) public claims;
    mapping(address account => uint256) public received;

    uint256 public queued;
    uint256 public inside;
    uint256 public owed;
    uint256 public paid;
    uint256 public given;
    uint256 public deposited;
    uint256 public batches;
    uint24 private slots = 1;

    function deposit(uint256 who, uint96 amount, uint24 slot) external {
        amount = uint96(bound(amount, 1, type(uint96).max));
        INovation.DepositEntry memory e = _deposit(_person(who), slot % slots, amount);
        if (slot % slots == 0) ++slots;
        entries.push(e);
        fates.push(Fate.Queued);
        queued += amount;
        deposited += amount;
    }

    /// @dev A batch that takes the next deposits, up to its lane, and pays withdrawals out of what is inside then.
    function batch(uint8 take, uint8 refundMask, uint8 pay, uint256[4] memory amounts, uint8 who) external {
        Batch memory b = _batch();
        INovation.Head memory before = novation.head();
        uint256 first = before.depositsConsumed;
        uint256 count = entries.length - first;
        if (count > take % 5) count = take % 5;
        b.deposits = new INovation.DepositEntry[](count);
        for (uint256 i = 0; i < count; ++i) {
            b.deposits[i] = entries[first + i];
            b.deposits[i].credited = (refundMask >> i) & 1 == 0;
            _consume(first + i, b.deposits[i]);
        }
        b.withdrawals = new INovation.WithdrawalEntry[](pay % 5);
        for (uint16 i = 0; i < b.withdrawals.length; ++i) {
            uint256 amount = bound(amounts[i], 0, inside);
            address to = _person(uint256(who) + i);
            b.withdrawals[i] = _withdrawal(i, to, amount);
            inside -= amount;
            owed += amount;
            claims[to] += amount;
        }
        if (pay >= 128) b.header.windowLast = b.header.windowFirst + pay % 8;
        b.header.logLast += take;
        _submit(b);
        ++batches;
        _assertForward(before, novation.head());
        assertEq(novation.head().depositsConsumed, first + count);
        assertEq(novation.head().root, b.header.newRoot);
    }

    /// @dev The whole claim of somebody who has one; otherwise nothing happens.
    function claim(uint256 who, uint256 to) external {
        address account = _person(who);
        uint256 amount = claims[account];
        if (amount == 0) return;
        claims[account] = 0;
        owed -= amount;
        paid += amount;
        received[_person(to)] += amount;
        vm.prank(account);
        assertEq(novation.claim(_person(to)), amount);
    }

    /// @dev Tokens that nobody asked for: they must change no books.
    function gift(uint96 amount) external {
        token.mint(address(novation), amount);
        given += amount;
    }

    /// @dev Time passes, and the oracle speaks.
    function markets(uint16 later, uint256 root) external {
        vm.warp(block.timestamp + later);
        (uint32 number,) = novation.lastMarkets();
        _submitMarkets(number + 1, root % (1 << 253), uint40(block.timestamp));
    }

    function entryCount() external view returns (uint256) {
        return entries.length;
    }

    function person(uint256 i) external view returns (address) {
        return people[i];
    }

    function target() external view returns (address vault, address collateral) {
        return (address(novation), address(token));
    }

    function _assertForward(INovation.Head memory before, INovation.Head memory h) private pure {
        assertEq(h.batch, before.batch + 1);
        assertGe(h.marketsNumber, before.marketsNumber);
        assertGe(h.time, before.time);
        assertGe(h.windowLast, before.windowLast);
        assertGe(h.logLast, before.logLast);
    }

    function _consume(uint256 index, INovation.DepositEntry memory e) private {
        assertEq(uint256(fates[index]), uint256(Fate.Queued), "consumed before");
        queued -= e.amount;
        if (e.credited) {
            fates[index] = Fate.Credited;
            inside += e.amount;
        } else {
            fates[index] = Fate.Refunded;
            owed += e.amount;
            claims[e.depositor] += e.amount;
        }
    }

    function _person(uint256 who) private view returns (address) {
        return people[who % 4];
    }
}
