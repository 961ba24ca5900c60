// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICircuitKeys} from "../src/interfaces/ICircuitKeys.sol";
import {INovation} from "../src/interfaces/INovation.sol";
import {IVault} from "../src/interfaces/IVault.sol";
import {Groth16Verifier} from "../src/libraries/Groth16Verifier.sol";
import {PublicData} from "../src/libraries/PublicData.sol";
import {Batch} from "./support/Batches.sol";
import {NovationTest} from "./support/NovationTest.sol";
import {Trapdoor} from "./support/Trapdoor.sol";

/// @dev Words, lengths and lanes that a batch may have. Every proof here is valid for the words as they are sent: for an
///      aliased word z is the hash of the alias and y its value mod r. So only the check that is named refuses.
contract BatchWordsTest is NovationTest {
    uint256 private constant R = Trapdoor.R;

    function test_every_body_word_is_refused_from_r_on() public {
        for (uint256 i = 0; i < 84; ++i) {
            if (i % 10 == 0 && i < 80) continue;
            Batch memory b = _batch();
            b.body[i] = R;
            _refuse(b, abi.encodeWithSelector(PublicData.WordNotInField.selector, _bodyStart() + i, R));
        }
    }

    function test_every_body_word_is_accepted_below_r() public {
        Batch memory b = _batch();
        for (uint256 i = 0; i < 84; ++i) {
            b.body[i] = i % 10 == 0 && i < 80 ? type(uint24).max : R - 1;
        }
        _submit(b);
        assertEq(novation.head().batch, 1);
    }

    function testFuzz_aliased_body_word_is_refused(uint256 index, uint256 times) public {
        Batch memory b = _batch();
        index = bound(index, 0, 83);
        b.body[index] += R * bound(times, 1, type(uint256).max / R - 1);
        bytes memory reason = index % 10 == 0 && index < 80
            ? abi.encodeWithSelector(PublicData.AccountSlotTooWide.selector, index / 10, b.body[index])
            : abi.encodeWithSelector(PublicData.WordNotInField.selector, _bodyStart() + index, b.body[index]);
        _refuse(b, reason);
    }

    function test_every_account_slot_is_refused_from_24_bits_on() public {
        for (uint256 entry = 0; entry < 8; ++entry) {
            Batch memory b = _batch();
            b.body[10 * entry] = 1 << 24;
            _refuse(b, abi.encodeWithSelector(PublicData.AccountSlotTooWide.selector, entry, 1 << 24));
        }
    }

    function test_first_bad_word_is_the_one_that_is_named() public {
        Batch memory b = _batch();
        b.body[83] = R;
        b.body[40] = type(uint256).max;
        b.body[39] = R + 7;
        _refuse(b, abi.encodeWithSelector(PublicData.WordNotInField.selector, _bodyStart() + 39, R + 7));
    }

    function test_body_of_another_length_is_refused() public {
        uint256[4] memory lengths = [uint256(0), 83, 85, 94];
        for (uint256 i = 0; i < lengths.length; ++i) {
            Batch memory b = _batch();
            b.body = new uint256[](lengths[i]);
            _refuse(b, abi.encodeWithSelector(PublicData.BodyLength.selector, lengths[i], 84));
        }
    }

    function test_header_elements_are_refused_from_r_on() public {
        for (uint256 k = 0; k < 4; ++k) {
            Batch memory b = _batch();
            uint256 field = _setElement(b, k, R);
            _refuse(b, abi.encodeWithSelector(INovation.HeaderNotInField.selector, field, R));
            field = _setElement(b, k, type(uint256).max);
            _refuse(b, abi.encodeWithSelector(INovation.HeaderNotInField.selector, field, type(uint256).max));
        }
    }

    function test_header_elements_are_accepted_below_r() public {
        Batch memory b = _batch();
        for (uint256 k = 0; k < 4; ++k) {
            _setElement(b, k, R - 1);
        }
        b.header.c = R - 1;
        _submit(b);
        assertEq(novation.head().root, R - 1);
    }

    function test_commitment_is_refused_from_r_on() public {
        Batch memory b = _batch();
        uint256 c = b.header.c + R;
        b.header.c = c;
        _refuse(b, abi.encodeWithSelector(Groth16Verifier.PublicInputNotInField.selector, 0, c));
        b.header.c = R;
        _refuse(b, abi.encodeWithSelector(Groth16Verifier.PublicInputNotInField.selector, 0, R));
    }

    // --- circuits ---

    function test_circuit_that_nobody_registered_is_refused() public {
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        b.header.circuitId = CIRCUIT + 1;
        _refuse(b, proof, abi.encodeWithSelector(ICircuitKeys.KeyUnknown.selector, CIRCUIT + 1));
    }

    function test_circuit_after_its_last_time_is_refused() public {
        uint40 last = novation.circuitKey(CIRCUIT).activeUntil;
        vm.warp(last);
        _submit(_batch());
        vm.warp(uint256(last) + 1);
        Batch memory b = _batch();
        _refuse(b, abi.encodeWithSelector(ICircuitKeys.KeyExpired.selector, CIRCUIT, last, uint256(last) + 1));
    }

    // --- deposits ---

    function test_more_deposits_than_the_lane_are_refused() public {
        Batch memory b = _batch();
        b.deposits = new INovation.DepositEntry[](5);
        for (uint256 i = 0; i < 5; ++i) {
            b.deposits[i] = _deposit(alice, 0, 1e6);
        }
        Batch memory shorter = _batch();
        _refuse(b, _prove(shorter), abi.encodeWithSelector(INovation.TooManyDeposits.selector, 5, 4));
    }

    function test_deposit_with_any_field_changed_is_refused() public {
        INovation.DepositEntry memory e = _deposit(alice, 0, 5e6);
        _deposit(alice, 0, 5e6);
        for (uint256 field = 0; field < 7; ++field) {
            Batch memory b = _with(_batch(), abi.decode(abi.encode(e), (INovation.DepositEntry)));
            if (field == 0) b.deposits[0].slot += 1;
            if (field == 1) b.deposits[0].amount += 1;
            if (field == 2) b.deposits[0].depositor = bob;
            if (field == 3) b.deposits[0].ax8 += 1;
            if (field == 4) b.deposits[0].ay8 += 1;
            if (field == 5) b.deposits[0].vx8 += 1;
            if (field == 6) b.deposits[0].vy8 += 1;
            _refuse(b, abi.encodeWithSelector(IVault.DepositMismatch.selector, 0));
        }
    }

    function test_deposit_consumed_twice_is_refused() public {
        INovation.DepositEntry memory e = _deposit(alice, 0, 5e6);
        _deposit(alice, e.slot, 6e6);
        Batch memory b = _batch();
        b.deposits = new INovation.DepositEntry[](2);
        b.deposits[0] = e;
        b.deposits[1] = e;
        _refuse(b, abi.encodeWithSelector(IVault.DepositMismatch.selector, 1));
        _submit(_with(_batch(), e));
        _refuse(_with(_batch(), e), abi.encodeWithSelector(IVault.DepositMismatch.selector, 1));
    }

    function test_deposits_out_of_order_are_refused() public {
        Batch memory b = _batch();
        b.deposits = new INovation.DepositEntry[](2);
        b.deposits[1] = _deposit(alice, 0, 5e6);
        b.deposits[0] = _deposit(bob, 0, 6e6);
        _refuse(b, abi.encodeWithSelector(IVault.DepositMismatch.selector, 0));
        // Skipping the head of the queue is another order.
        _refuse(_with(_batch(), b.deposits[0]), abi.encodeWithSelector(IVault.DepositMismatch.selector, 0));
    }

    function test_deposit_that_nobody_made_is_refused() public {
        _refuse(_with(_batch(), _entry(alice, 1, 1e6)), abi.encodeWithSelector(IVault.DepositMismatch.selector, 0));
    }

    // --- withdrawals ---

    function test_withdrawal_to_another_chain_is_refused() public {
        _fund(5e6);
        INovation.WithdrawalEntry memory w = _withdrawal(1, bob, 1e6);
        w.chainId += 1;
        Batch memory b = _with(_batch(), w);
        _refuse(b, abi.encodeWithSelector(INovation.WithdrawalChain.selector, 1, w.chainId));
    }

    function test_withdrawal_to_nobody_is_refused() public {
        _fund(5e6);
        Batch memory b = _with(_batch(), _withdrawal(3, address(0), 1e6));
        _refuse(b, abi.encodeWithSelector(INovation.WithdrawalRecipient.selector, 3));
    }

    function test_withdrawal_amount_is_refused_from_106_bits_on() public {
        _fund(5e6);
        Batch memory b = _with(_batch(), _withdrawal(0, bob, 1 << 106));
        _refuse(b, abi.encodeWithSelector(INovation.WithdrawalAmount.selector, 0, 1 << 106));
        b.withdrawals[0].amount = (1 << 106) - 1;
        uint256 requested = (1 << 106) - 1;
        _refuse(b, abi.encodeWithSelector(IVault.WithdrawalsExceedCollateral.selector, requested, 5e6));
    }

    function test_withdrawals_over_the_collateral_inside_are_refused() public {
        _fund(5e6);
        // A deposit that waits in the queue, or that the batch refunds, backs nothing.
        INovation.DepositEntry memory e = _deposit(bob, 0, 50e6);
        Batch memory b = _with(_batch(), _withdrawal(0, bob, 5e6 + 1));
        _refuse(b, abi.encodeWithSelector(IVault.WithdrawalsExceedCollateral.selector, 5e6 + 1, 5e6));
        e.credited = false;
        b = _with(b, e);
        _refuse(b, abi.encodeWithSelector(IVault.WithdrawalsExceedCollateral.selector, 5e6 + 1, 5e6));
        b.withdrawals[0].amount = 5e6;
        _submit(b);
        (uint128 inside, uint128 owed) = novation.balances();
        assertEq(inside, 0);
        assertEq(owed, 55e6);
    }

    function test_withdrawals_out_of_order_or_twice_are_refused() public {
        _fund(5e6);
        Batch memory b = _batch();
        b.withdrawals = new INovation.WithdrawalEntry[](2);
        b.withdrawals[0] = _withdrawal(2, bob, 1e6);
        b.withdrawals[1] = _withdrawal(2, bob, 1e6);
        _refuse(b, abi.encodeWithSelector(INovation.WithdrawalCommand.selector, 2));
        b.withdrawals[1].command = 1;
        _refuse(b, abi.encodeWithSelector(INovation.WithdrawalCommand.selector, 1));
    }

    function test_withdrawal_beyond_the_lane_is_refused() public {
        _fund(5e6);
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        b = _with(b, _withdrawal(4, bob, 1e6));
        _refuse(b, proof, abi.encodeWithSelector(INovation.WithdrawalCommand.selector, 4));
        b.withdrawals[0].command = type(uint16).max;
        _refuse(b, proof, abi.encodeWithSelector(INovation.WithdrawalCommand.selector, type(uint16).max));
    }

    function test_withdrawal_of_nothing_and_to_the_contract_itself_do_not_block_a_batch() public {
        _fund(5e6);
        Batch memory b = _batch();
        b.withdrawals = new INovation.WithdrawalEntry[](2);
        b.withdrawals[0] = _withdrawal(0, bob, 0);
        b.withdrawals[1] = _withdrawal(1, address(novation), 1e6);
        _submit(b);
        assertEq(novation.claimable(address(novation)), 1e6);
        assertEq(novation.claimable(bob), 0);
    }

    function _bodyStart() private pure returns (uint256) {
        return 17 + 5 * 4 + 2 * 4;
    }

    function _setElement(Batch memory b, uint256 k, uint256 value) private pure returns (uint256 field) {
        if (k == 0) b.header.newRoot = value;
        if (k == 1) b.header.logRoot = value;
        if (k == 2) b.header.rx = value;
        if (k == 3) b.header.ry = value;
        uint256[4] memory fields = [uint256(4), 10, 13, 14];
        return fields[k];
    }
}
