// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {INovation} from "../src/interfaces/INovation.sol";
import {IVault} from "../src/interfaces/IVault.sol";
import {Groth16Verifier} from "../src/libraries/Groth16Verifier.sol";
import {Batch, Batches} from "./support/Batches.sol";
import {NovationTest} from "./support/NovationTest.sol";
import {Trapdoor} from "./support/Trapdoor.sol";

/// @dev What an accepted batch does, and that every public word is bound by the proof.
contract SubmitBatchTest is NovationTest {
    function test_batch_valid_moves_head_and_names_z() public {
        Batch memory b = _batch();
        b.header.windowFirst = 3;
        b.header.windowLast = 9;
        b.header.logLast = 77;
        (uint256 z,) = Batches.challenge(_words(b), b.header.c);
        uint256[8] memory proof = _prove(b);
        vm.expectEmit(address(novation));
        emit INovation.BatchAccepted(1, b.header.newRoot, z);
        _submit(b, proof);

        INovation.Head memory head = novation.head();
        assertEq(head.root, b.header.newRoot);
        assertEq(head.batch, 1);
        assertEq(head.marketsNumber, 1);
        assertEq(head.time, START);
        assertEq(head.windowLast, 9);
        assertEq(head.logLast, 77);
        assertEq(head.depositsConsumed, 0);
    }

    function test_deployment_id_is_the_hash_of_name_chain_and_address_without_its_last_byte() public view {
        uint256 id = uint256(keccak256(abi.encode("novation", block.chainid, address(novation)))) >> 8;
        assertEq(novation.DEPLOYMENT_ID(), id);
    }

    function test_batches_follow_each_other() public {
        _submit(_batch());
        vm.warp(START + 60);
        _submitMarkets(2, MARKETS + 1, START + 30);
        Batch memory b = _batch();
        b.header.windowLast = b.header.windowFirst + 4;
        b.header.logLast = 5;
        _submit(b);
        _submit(_batch());
        INovation.Head memory head = novation.head();
        assertEq(head.batch, 3);
        assertEq(head.marketsNumber, 2);
        assertEq(head.windowLast, 5);
        assertEq(head.logLast, 5);
    }

    function test_batch_may_name_an_older_markets_root_that_is_not_behind_the_last_batch() public {
        _submitMarkets(2, MARKETS + 1, START);
        Batch memory b = _batch();
        b.header.marketsNumber = 1;
        b.header.marketsRoot = MARKETS;
        _submit(b);
        assertEq(novation.head().marketsNumber, 1);
    }

    function test_deposit_credited_and_withdrawal_paid_in_the_same_batch() public {
        Batch memory b = _with(_batch(), _deposit(alice, 0, 100e6));
        b = _with(b, _withdrawal(2, bob, 30e6));
        vm.expectEmit(address(novation));
        emit IVault.ClaimAdded(bob, 30e6, false);
        _submit(b);

        (uint128 inside, uint128 owed) = novation.balances();
        assertEq(inside, 70e6);
        assertEq(owed, 30e6);
        assertEq(novation.claimable(bob), 30e6);
        assertEq(novation.head().depositsConsumed, 1);
    }

    function test_deposit_refunded_goes_to_its_depositor() public {
        INovation.DepositEntry memory e = _deposit(alice, 0, 100e6);
        e.credited = false;
        vm.expectEmit(address(novation));
        emit IVault.ClaimAdded(alice, 100e6, true);
        _submit(_with(_batch(), e));

        (uint128 inside, uint128 owed) = novation.balances();
        assertEq(inside, 0);
        assertEq(owed, 100e6);
        assertEq(novation.claimable(alice), 100e6);
    }

    function test_lanes_full_of_deposits_and_withdrawals() public {
        Batch memory b = _batch();
        b.deposits = new INovation.DepositEntry[](4);
        b.withdrawals = new INovation.WithdrawalEntry[](4);
        for (uint16 i = 0; i < 4; ++i) {
            b.deposits[i] = _deposit(alice, 0, 10e6);
            b.withdrawals[i] = _withdrawal(i, bob, 2e6 + i);
        }
        b.deposits[2].credited = false;
        _submit(b);
        (uint128 inside, uint128 owed) = novation.balances();
        assertEq(inside, 30e6 - 8e6 - 6);
        assertEq(owed, 10e6 + 8e6 + 6);
        assertEq(novation.claimable(bob), 8e6 + 6);
        assertEq(novation.claimable(alice), 10e6);
        assertEq(novation.head().depositsConsumed, 4);
    }

    function test_queue_is_consumed_across_batches_in_order() public {
        INovation.DepositEntry memory first = _deposit(alice, 0, 1e6);
        INovation.DepositEntry memory second = _deposit(bob, first.slot, 2e6);
        _submit(_with(_batch(), first));
        _submit(_with(_batch(), second));
        assertEq(novation.head().depositsConsumed, 2);
        (uint128 inside,) = novation.balances();
        assertEq(inside, 3e6);
    }

    // --- soundness: the proof binds everything ---

    function testFuzz_any_body_word_changed_after_proving_is_refused(uint256 index, uint256 value) public {
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        index = bound(index, 0, b.body.length - 1);
        bool isSlot = index % 10 == 0 && index < 80;
        value = bound(value, 0, isSlot ? type(uint24).max : Trapdoor.R - 1);
        vm.assume(value != b.body[index]);
        b.body[index] = value;
        _refuse(b, proof, _rejected(b));
    }

    function test_any_header_word_changed_after_proving_is_refused() public {
        _submitMarkets(2, MARKETS + 1, START);
        _fund(9e6);
        INovation.DepositEntry memory e = _deposit(alice, 0, 5e6);
        vm.warp(START + 100);
        for (uint256 field = 0; field < 13; ++field) {
            Batch memory b = _batch();
            b.header.marketsNumber = 2;
            b.header.windowLast = b.header.windowFirst + 4;
            b = _with(_with(b, e), _withdrawal(1, bob, 1e6));
            uint256[8] memory proof = _prove(b);
            if (field == 0) b.header.time -= 1;
            if (field == 1) b.header.windowFirst += 1;
            if (field == 2) b.header.windowLast += 1;
            if (field == 3) b.header.logLast += 1;
            if (field == 4) b.header.newRoot += 1;
            if (field == 5) b.header.logRoot += 1;
            if (field == 6) b.header.rx += 1;
            if (field == 7) b.header.ry += 1;
            if (field == 8) b.header.c += 1;
            if (field == 9) b.deposits[0].credited = false;
            if (field == 10) b.withdrawals[0].amount += 1;
            if (field == 11) b.withdrawals[0].recipient = alice;
            if (field == 12) b.withdrawals[0].command = 2;
            _refuse(b, proof, _rejected(b));
        }
    }

    function test_deposit_dropped_after_proving_is_refused() public {
        Batch memory b = _with(_batch(), _deposit(alice, 0, 5e6));
        uint256[8] memory proof = _prove(b);
        b.deposits = new INovation.DepositEntry[](0);
        _refuse(b, proof, _rejected(b));
    }

    function test_withdrawal_dropped_after_proving_is_refused() public {
        _fund(5e6);
        Batch memory b = _with(_batch(), _withdrawal(0, bob, 1e6));
        uint256[8] memory proof = _prove(b);
        b.withdrawals = new INovation.WithdrawalEntry[](0);
        _refuse(b, proof, _rejected(b));
    }

    function test_another_markets_root_than_the_proven_one_is_refused() public {
        _submitMarkets(2, MARKETS + 1, START);
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        b.header.marketsNumber = 1;
        b.header.marketsRoot = MARKETS;
        _refuse(b, proof, _rejected(b));
    }

    function test_a_proof_from_another_deployment_is_refused() public {
        Batch memory b = _batch();
        uint256[] memory words = _words(b);
        words[0] ^= 1;
        (uint256 z, uint256 y) = Batches.challenge(words, b.header.c);
        _refuse(b, Trapdoor.prove(1, b.header.c, z, y), _rejected(b));
    }

    function test_a_proof_over_another_old_root_is_refused() public {
        Batch memory b = _batch();
        uint256[] memory words = _words(b);
        words[3] += 1;
        (uint256 z, uint256 y) = Batches.challenge(words, b.header.c);
        _refuse(b, Trapdoor.prove(1, b.header.c, z, y), _rejected(b));
    }

    function test_the_same_proof_twice_is_refused() public {
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        _submit(b, proof);
        _refuse(b, proof, abi.encodeWithSelector(INovation.BatchNumber.selector, 1, 2));
    }

    function test_a_proof_made_for_a_z_of_the_provers_choice_is_refused() public {
        Batch memory b = _batch();
        uint256[] memory words = _words(b);
        uint256 chosen = 12345;
        uint256 y;
        uint256 power = 1;
        for (uint256 i = 0; i < words.length; ++i) {
            y = addmod(y, mulmod(words[i], power, Trapdoor.R), Trapdoor.R);
            power = mulmod(power, chosen, Trapdoor.R);
        }
        _refuse(b, Trapdoor.prove(1, b.header.c, chosen, y), _rejected(b));
    }

    function testFuzz_a_random_proof_is_refused(uint256 a, uint256 x) public {
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        (proof[0], proof[1]) = Trapdoor.g1(bound(a, 1, Trapdoor.R - 1));
        (proof[6], proof[7]) = Trapdoor.g1(bound(x, 1, Trapdoor.R - 1));
        _refuse(b, proof, _rejected(b));
    }

    /// @dev The trapdoor can prove false data too, which shows that the tests above fail for the proof alone.
    function testFuzz_any_valid_batch_is_accepted(uint256 seed) public {
        Batch memory b = _batch();
        for (uint256 i = 0; i < b.body.length; ++i) {
            b.body[i] = Batches.element(seed, i);
            if (i % 10 == 0 && i < 80) b.body[i] %= 1 << 24;
        }
        b.header.c = Batches.element(seed, 1000);
        b.header.newRoot = Batches.element(seed, 1001);
        _submit(b);
        assertEq(novation.head().root, b.header.newRoot);
    }

    function _rejected(Batch memory b) private view returns (bytes memory) {
        (uint256 z, uint256 y) = Batches.challenge(_words(b), b.header.c);
        return abi.encodeWithSelector(Groth16Verifier.ProofRejected.selector, z, y);
    }
}
