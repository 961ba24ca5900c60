// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {INovation} from "../src/interfaces/INovation.sol";
import {IVault} from "../src/interfaces/IVault.sol";
import {Bn254} from "../src/libraries/Bn254.sol";
import {Groth16Verifier} from "../src/libraries/Groth16Verifier.sol";
import {PublicData} from "../src/libraries/PublicData.sol";
import {Batch} from "./support/Batches.sol";
import {NovationTest} from "./support/NovationTest.sol";

/// @title What a batch may be, rule by rule. Every batch here carries a proof of exactly what it says.
contract SubmitBatchTest is NovationTest {
    function _refused(Batch memory b, bytes memory reason) internal {
        uint256[8] memory proof = _prove(b);
        vm.prank(operator);
        vm.expectRevert(reason);
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
    }

    function test_validBatch_movesTheHead() public {
        Batch memory b = _batch();
        b.header.windowLast = b.header.windowFirst + 4;
        b.header.logLast = 9;
        _submit(b);
        INovation.Head memory h = novation.head();
        assertEq(h.root, b.header.newRoot);
        assertEq(h.batch, 1);
        assertEq(h.windowLast, b.header.windowLast);
        assertEq(h.logLast, 9);
        _submit(_batch());
        assertEq(novation.head().batch, 2);
    }

    function test_stranger_isRefused() public {
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        bytes32 role = novation.OPERATOR_ROLE();
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, alice, role));
        vm.prank(alice);
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
    }

    function test_proofOfOtherData_isRefused() public {
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        for (uint256 i = 0; i < b.body.length; ++i) {
            if (i % 10 == 0) continue;
            b.body[i] = addmod(b.body[i], 1, Bn254.R);
            vm.expectPartialRevert(Groth16Verifier.ProofRejected.selector);
            vm.prank(operator);
            novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
            b.body[i] = addmod(b.body[i], Bn254.R - 1, Bn254.R);
        }
        _submit(b, proof);
    }

    /// The attack: a word and the same word plus r mean the same in the proof, not in the hash.
    function test_aliasedWord_isRefused(uint256 place) public {
        Batch memory b = _batch();
        place = bound(place, 0, b.body.length - 1);
        uint256 index = 17 + 20 + 8 + place;
        if (place % 10 == 0 && place < 80) {
            b.body[place] = 1 << 24;
            _refused(b, abi.encodeWithSelector(PublicData.AccountSlotTooWide.selector, place / 10, 1 << 24));
        } else {
            b.body[place] = 5 + Bn254.R;
            _refused(b, abi.encodeWithSelector(PublicData.WordNotInField.selector, index, 5 + Bn254.R));
        }
    }

    function test_aliasedHeaderWord_isRefused() public {
        Batch memory b = _batch();
        b.header.newRoot = Bn254.R;
        _refused(b, abi.encodeWithSelector(INovation.HeaderNotInField.selector, PublicData.NEW_ROOT, Bn254.R));
        b = _batch();
        b.header.logRoot = Bn254.R + 7;
        _refused(b, abi.encodeWithSelector(INovation.HeaderNotInField.selector, PublicData.LOG_ROOT, Bn254.R + 7));
        b = _batch();
        b.header.rx = type(uint256).max;
        _refused(b, abi.encodeWithSelector(INovation.HeaderNotInField.selector, PublicData.R_X, type(uint256).max));
        b = _batch();
        b.header.ry = Bn254.R;
        _refused(b, abi.encodeWithSelector(INovation.HeaderNotInField.selector, PublicData.R_Y, Bn254.R));
    }

    function test_otherLength_isRefused() public {
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        for (uint256 n = 83; n < 86; n += 2) {
            uint256[] memory body = new uint256[](n);
            vm.expectRevert(abi.encodeWithSelector(PublicData.BodyLength.selector, n, 84));
            vm.prank(operator);
            novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, body);
        }
    }

    function test_outOfOrder_isRefused() public {
        Batch memory b = _batch();
        b.header.windowLast = b.header.windowFirst + 2;
        b.header.logLast = 5;
        _submit(b);
        b = _batch();
        b.header.batch = 3;
        _refused(b, abi.encodeWithSelector(INovation.BatchNumber.selector, 3, 2));
        b = _batch();
        b.header.windowFirst = 3;
        b.header.windowLast = 4;
        _refused(b, abi.encodeWithSelector(INovation.WindowRange.selector, 3, 4, 3));
        b = _batch();
        b.header.logLast = 4;
        _refused(b, abi.encodeWithSelector(INovation.LogRange.selector, 4, 5));
        b = _batch();
        b.header.time = START + 1;
        _refused(b, abi.encodeWithSelector(INovation.TimeInFuture.selector, START + 1, START));
        vm.warp(START + 10);
        _submit(_batch());
        b = _batch();
        b.header.time = START + 9;
        _refused(b, abi.encodeWithSelector(INovation.TimeBeforePrevious.selector, START + 9, START + 10));
    }

    function test_markets_neverGoBackAndMustBeKnown() public {
        _submitMarkets(2, MARKETS + 1, START);
        _submit(_batch());
        Batch memory b = _batch();
        b.header.marketsNumber = 1;
        b.header.marketsRoot = MARKETS;
        _refused(b, abi.encodeWithSelector(INovation.MarketsBehind.selector, 1, 2));
        b = _batch();
        b.header.marketsRoot = MARKETS + 2;
        _refused(b, abi.encodeWithSelector(INovation.MarketsUnknown.selector, 2, MARKETS + 2, START));
    }

    function _withDeposit(uint96 amount) internal returns (Batch memory b) {
        INovation.DepositEntry memory entry = _deposit(alice, 0, amount);
        b = _batch();
        b.deposits = new INovation.DepositEntry[](1);
        b.deposits[0] = entry;
    }

    function test_deposit_isCreditedOnceAndAsQueued() public {
        Batch memory b = _withDeposit(100e6);
        b.deposits[0].amount += 1;
        _refused(b, abi.encodeWithSelector(IVault.DepositMismatch.selector, 0));
        b.deposits[0].amount -= 1;
        _submit(b);
        (uint128 inside, uint128 owed) = novation.balances();
        assertEq(inside, 100e6);
        assertEq(owed, 0);
        Batch memory again = _batch();
        again.deposits = b.deposits;
        _refused(again, abi.encodeWithSelector(IVault.DepositMismatch.selector, 1));
    }

    function test_refund_isClaimedByTheDepositor() public {
        Batch memory b = _withDeposit(77e6);
        b.deposits[0].credited = false;
        _submit(b);
        assertEq(novation.claimable(alice), 77e6);
        vm.prank(alice);
        assertEq(novation.claim(bob), 77e6);
        assertEq(token.balanceOf(bob), 77e6);
        vm.expectRevert(abi.encodeWithSelector(IVault.NothingToClaim.selector, alice));
        vm.prank(alice);
        novation.claim(bob);
    }

    function test_withdrawal_paysTheRecipientAndNeverMoreThanIsInside() public {
        _submit(_withDeposit(100e6));
        Batch memory b = _batch();
        b.withdrawals = new INovation.WithdrawalEntry[](1);
        b.withdrawals[0] = _withdrawal(2, bob, 100e6 + 1);
        _refused(b, abi.encodeWithSelector(IVault.WithdrawalsExceedCollateral.selector, 100e6 + 1, 100e6));
        b.withdrawals[0] = _withdrawal(2, bob, 60e6);
        _submit(b);
        vm.prank(bob);
        novation.claim(bob);
        assertEq(token.balanceOf(bob), 60e6);
        (uint128 inside, uint128 owed) = novation.balances();
        assertEq(inside, 40e6);
        assertEq(owed, 0);
    }

    function test_malformedWithdrawal_isRefused() public {
        _submit(_withDeposit(100e6));
        Batch memory b = _batch();
        b.withdrawals = new INovation.WithdrawalEntry[](1);
        b.withdrawals[0] = _withdrawal(0, address(0), 1);
        _refused(b, abi.encodeWithSelector(INovation.WithdrawalRecipient.selector, 0));
        b.withdrawals[0] = _withdrawal(0, bob, 1);
        b.withdrawals[0].chainId += 1;
        _refused(b, abi.encodeWithSelector(INovation.WithdrawalChain.selector, 0, uint64(block.chainid) + 1));
        b.withdrawals[0] = _withdrawal(0, bob, 1 << 106);
        _refused(b, abi.encodeWithSelector(INovation.WithdrawalAmount.selector, 0, 1 << 106));
        uint256[8] memory proof = _prove(b);
        b.withdrawals[0] = _withdrawal(4, bob, 1);
        vm.expectRevert(abi.encodeWithSelector(INovation.WithdrawalCommand.selector, 4));
        vm.prank(operator);
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
    }
}
