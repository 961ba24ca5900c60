// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Novation} from "../src/Novation.sol";
import {ICircuitKeys} from "../src/interfaces/ICircuitKeys.sol";
import {INovation} from "../src/interfaces/INovation.sol";
import {IVault} from "../src/interfaces/IVault.sol";
import {BabyJubJub} from "../src/libraries/BabyJubJub.sol";
import {Bn254} from "../src/libraries/Bn254.sol";
import {Batch} from "./support/Batches.sol";
import {NovationTest} from "./support/NovationTest.sol";
import {
    FeeToken,
    FineToken,
    GiftToken,
    LyingToken,
    ReentrantToken,
    RefusingToken,
    SilentToken
} from "./support/OddTokens.sol";
import {TestToken} from "./support/TestToken.sol";

/// @dev Deposits into the queue, claims out of it, and tokens that misbehave.
contract VaultTest is NovationTest {
    // --- deposits ---

    function test_deposit_is_queued_under_the_hash_of_its_fields_and_announced() public {
        INovation.DepositEntry memory e = _entry(alice, 1, 5e6);
        token.mint(alice, 5e6);
        vm.startPrank(alice);
        token.approve(address(novation), 5e6);
        vm.expectEmit(address(novation));
        emit IVault.Deposited(0, 1, alice, e.ax8, e.ay8, e.vx8, e.vy8, 5e6);
        (uint256 index, uint24 slot) = novation.deposit(0, e.ax8, e.ay8, e.vx8, e.vy8, 5e6);
        vm.stopPrank();
        assertEq(index, 0);
        assertEq(slot, 1);
        assertEq(novation.queueHash(0), _hash(0, e));
        assertEq(novation.queueHash(1), 0);
        assertEq(token.balanceOf(address(novation)), 5e6);
        (uint40 queued, uint32 nextSlot) = novation.queueState();
        assertEq(queued, 1);
        assertEq(nextSlot, 2);
    }

    function testFuzz_slots_are_assigned_in_order_and_named_ones_keep_theirs(uint8[8] memory wishes) public {
        uint24 next = 1;
        for (uint256 i = 0; i < 8; ++i) {
            uint24 named = wishes[i] % next;
            INovation.DepositEntry memory e = _deposit(alice, named, 1e6);
            assertEq(e.slot, named == 0 ? next : named);
            if (named == 0) ++next;
            assertEq(novation.queueHash(i), _hash(i, e));
            (uint40 queued, uint32 nextSlot) = novation.queueState();
            assertEq(queued, i + 1);
            assertEq(nextSlot, next);
        }
    }

    function test_equal_deposits_have_different_hashes() public {
        INovation.DepositEntry memory e = _deposit(alice, 0, 1e6);
        _deposit(alice, e.slot, 1e6);
        assertNotEq(novation.queueHash(0), novation.queueHash(1));
    }

    function test_deposit_of_nothing_is_refused() public {
        _refuseDeposit(0, _entry(alice, 0, 0), abi.encodeWithSelector(IVault.DepositOfNothing.selector));
    }

    function test_deposit_for_a_slot_not_assigned_yet_is_refused() public {
        _deposit(alice, 0, 1e6);
        _refuseDeposit(2, _entry(alice, 0, 1e6), abi.encodeWithSelector(IVault.SlotNotAssigned.selector, 2, 2));
        _refuseDeposit(
            type(uint24).max,
            _entry(alice, 0, 1e6),
            abi.encodeWithSelector(IVault.SlotNotAssigned.selector, type(uint24).max, 2)
        );
    }

    function test_last_slot_is_assigned_and_then_none_is() public {
        bytes32 slot = _queueStorage();
        vm.store(address(novation), slot, bytes32(uint256(type(uint24).max) << 40));
        assertEq(_deposit(alice, 0, 1e6).slot, type(uint24).max);
        _refuseDeposit(
            0, _entry(alice, 0, 1e6), abi.encodeWithSelector(IVault.SlotsExhausted.selector, type(uint24).max)
        );
        // Assigned slots stay open.
        assertEq(_deposit(alice, type(uint24).max, 1e6).slot, type(uint24).max);
    }

    function test_key_coordinates_are_refused_from_r_on() public {
        for (uint256 k = 0; k < 4; ++k) {
            INovation.DepositEntry memory e = _entry(alice, 0, 1e6);
            uint256 alias_;
            if (k == 0) alias_ = e.ax8 += Bn254.R;
            if (k == 1) alias_ = e.ay8 += Bn254.R;
            if (k == 2) alias_ = e.vx8 += Bn254.R;
            if (k == 3) alias_ = e.vy8 += Bn254.R;
            _refuseDeposit(0, e, abi.encodeWithSelector(BabyJubJub.PointCoordinateNotInField.selector, alias_));
        }
    }

    function testFuzz_keys_off_the_curve_are_refused(uint256 x, uint256 y, bool viewing) public {
        x = bound(x, 0, Bn254.R - 1);
        y = bound(y, 0, Bn254.R - 1);
        vm.assume(!_onCurve(x, y));
        INovation.DepositEntry memory e = _entry(alice, 0, 1e6);
        if (viewing) (e.vx8, e.vy8) = (x, y);
        else (e.ax8, e.ay8) = (x, y);
        _refuseDeposit(0, e, abi.encodeWithSelector(BabyJubJub.PointNotOnCurve.selector, x, y));
    }

    function test_identity_as_a_key_is_queued_for_the_batch_to_refund() public {
        token.mint(alice, 1e6);
        vm.startPrank(alice);
        token.approve(address(novation), 1e6);
        (uint256 index,) = novation.deposit(0, 0, 1, 0, 1, 1e6);
        vm.stopPrank();
        INovation.DepositEntry memory e = _entry(alice, 1, 1e6);
        (e.ax8, e.ay8, e.vx8, e.vy8, e.credited) = (0, 1, 0, 1, false);
        assertEq(novation.queueHash(index), _hash(index, e));
        _submit(_with(_batch(), e));
        assertEq(novation.claimable(alice), 1e6);
    }

    // --- claims ---

    function test_claim_is_paid_once_to_whom_its_owner_says() public {
        _owe(alice, 77e6);
        vm.expectEmit(address(novation));
        emit IVault.Claimed(alice, bob, 77e6);
        vm.prank(alice);
        assertEq(novation.claim(bob), 77e6);
        assertEq(token.balanceOf(bob), 77e6);
        assertEq(novation.claimable(alice), 0);
        (, uint128 owed) = novation.balances();
        assertEq(owed, 0);
        _refuseClaim(alice, bob, abi.encodeWithSelector(IVault.NothingToClaim.selector, alice));
    }

    function test_claims_add_up() public {
        _owe(alice, 1e6);
        _owe(alice, 2e6);
        assertEq(novation.claimable(alice), 3e6);
        vm.prank(alice);
        assertEq(novation.claim(alice), 3e6);
        assertEq(token.balanceOf(alice), 3e6);
    }

    function test_nobody_claims_for_somebody_else() public {
        _owe(alice, 1e6);
        _refuseClaim(bob, bob, abi.encodeWithSelector(IVault.NothingToClaim.selector, bob));
        assertEq(novation.claimable(alice), 1e6);
    }

    function test_claim_to_nobody_or_to_the_vault_is_refused() public {
        _owe(alice, 1e6);
        _refuseClaim(alice, address(0), abi.encodeWithSelector(IVault.ClaimRecipient.selector, address(0)));
        _refuseClaim(alice, address(novation), abi.encodeWithSelector(IVault.ClaimRecipient.selector, novation));
        assertEq(novation.claimable(alice), 1e6);
    }

    // --- tokens ---

    function test_token_without_six_decimals_is_refused() public {
        ICircuitKeys.KeySpec[] memory none = new ICircuitKeys.KeySpec[](0);
        FineToken fine = new FineToken();
        vm.expectRevert(abi.encodeWithSelector(IVault.CollateralDecimals.selector, 18));
        new Novation(fine, timelock, operator, oracle, GENESIS, none);
    }

    function test_token_with_a_fee_is_refused_at_the_deposit() public {
        _redeploy(address(new FeeToken()));
        _refuseDeposit(0, _entry(alice, 0, 1e6), abi.encodeWithSelector(IVault.CollateralMismatch.selector, 1e6, 99e4));
    }

    function test_token_that_lies_about_the_transfer_is_refused() public {
        _redeploy(address(new LyingToken()));
        _refuseDeposit(0, _entry(alice, 0, 1e6), abi.encodeWithSelector(IVault.CollateralMismatch.selector, 1e6, 0));
    }

    function test_token_that_brings_too_much_is_refused() public {
        _redeploy(address(new GiftToken()));
        _refuseDeposit(
            0, _entry(alice, 0, 1e6), abi.encodeWithSelector(IVault.CollateralMismatch.selector, 1e6, 1e6 + 1)
        );
    }

    function test_token_that_refuses_a_claim_leaves_it_standing() public {
        RefusingToken refusing = new RefusingToken();
        _redeploy(address(refusing));
        _owe(alice, 1e6);
        _refuseClaim(alice, alice, abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, refusing));
        assertEq(novation.claimable(alice), 1e6);
    }

    function test_token_that_answers_nothing_is_fine() public {
        SilentToken silent = new SilentToken();
        ICircuitKeys.KeySpec[] memory keys = new ICircuitKeys.KeySpec[](1);
        keys[0] = _spec(CIRCUIT, _lanes());
        novation = new Novation(IERC20Metadata(address(silent)), timelock, operator, oracle, GENESIS, keys);
        _submitMarkets(1, MARKETS, START);
        silent.mint(alice, 4e6);
        INovation.DepositEntry memory e = _entry(alice, 1, 4e6);
        vm.prank(alice);
        novation.deposit(0, e.ax8, e.ay8, e.vx8, e.vy8, 4e6);
        e.credited = false;
        _submit(_with(_batch(), e));
        vm.prank(alice);
        novation.claim(bob);
        assertEq(silent.balanceOf(bob), 4e6);
    }

    function test_token_cannot_reenter_from_a_deposit() public {
        ReentrantToken evil = new ReentrantToken();
        _redeploy(address(evil));
        INovation.DepositEntry memory e = _entry(alice, 0, 1e6);
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        bytes32 role = novation.OPERATOR_ROLE();
        vm.prank(address(timelock));
        novation.grantRole(role, address(evil));
        token.mint(alice, 1e6);
        bytes[3] memory calls = [
            abi.encodeCall(IVault.deposit, (0, e.ax8, e.ay8, e.vx8, e.vy8, 1)),
            abi.encodeCall(IVault.claim, (alice)),
            abi.encodeCall(INovation.submitBatch, (b.header, proof, b.deposits, b.withdrawals, b.body))
        ];
        for (uint256 i = 0; i < 3; ++i) {
            evil.arm(address(novation), calls[i]);
            vm.startPrank(alice);
            token.approve(address(novation), 1e6);
            vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
            novation.deposit(0, e.ax8, e.ay8, e.vx8, e.vy8, 1e6);
            vm.stopPrank();
        }
    }

    function test_token_cannot_reenter_from_a_claim() public {
        ReentrantToken evil = new ReentrantToken();
        _redeploy(address(evil));
        _owe(address(evil), 1e6);
        evil.arm(address(novation), abi.encodeCall(IVault.claim, (alice)));
        _refuseClaim(
            address(evil), bob, abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
        assertEq(novation.claimable(address(evil)), 1e6);
    }

    function test_claim_that_reenters_sees_its_claim_gone() public {
        // Even a view in the middle of the transfer finds the books settled.
        ReentrantToken evil = new ReentrantToken();
        _redeploy(address(evil));
        _owe(alice, 1e6);
        evil.arm(address(this), abi.encodeCall(this.assertNothingIsOwed, ()));
        vm.prank(alice);
        assertEq(novation.claim(bob), 1e6);
    }

    function assertNothingIsOwed() external view {
        assertEq(novation.claimable(alice), 0);
        (, uint128 owed) = novation.balances();
        assertEq(owed, 0);
    }

    // --- helpers ---

    function _redeploy(address collateral) private {
        token = TestToken(collateral);
        ICircuitKeys.KeySpec[] memory keys = new ICircuitKeys.KeySpec[](1);
        keys[0] = _spec(CIRCUIT, _lanes());
        novation = new Novation(token, timelock, operator, oracle, GENESIS, keys);
        _submitMarkets(1, MARKETS, START);
    }

    /// @dev Gives `who` a claim, by way of a refunded deposit.
    function _owe(address who, uint96 amount) private {
        INovation.DepositEntry memory e = _deposit(who, 0, amount);
        e.credited = false;
        _submit(_with(_batch(), e));
    }

    function _refuseDeposit(uint24 slot, INovation.DepositEntry memory e, bytes memory reason) private {
        token.mint(alice, e.amount);
        vm.startPrank(alice);
        token.approve(address(novation), e.amount);
        vm.expectRevert(reason);
        novation.deposit(slot, e.ax8, e.ay8, e.vx8, e.vy8, e.amount);
        vm.stopPrank();
    }

    function _refuseClaim(address who, address to, bytes memory reason) private {
        vm.prank(who);
        vm.expectRevert(reason);
        novation.claim(to);
    }

    function _hash(uint256 index, INovation.DepositEntry memory e) private pure returns (bytes32) {
        return keccak256(abi.encode(index, e.slot, e.ax8, e.ay8, e.vx8, e.vy8, e.amount, e.depositor));
    }

    /// @dev The curve of ERC-2494, written once more.
    function _onCurve(uint256 x, uint256 y) private pure returns (bool) {
        uint256 xx = mulmod(x, x, Bn254.R);
        uint256 yy = mulmod(y, y, Bn254.R);
        uint256 product = mulmod(168696, mulmod(xx, yy, Bn254.R), Bn254.R);
        return addmod(mulmod(168700, xx, Bn254.R), yy, Bn254.R) == addmod(1, product, Bn254.R);
    }

    /// @dev Where the queue's length and next slot lie: the one place that holds what `queueState` says.
    function _queueStorage() private returns (bytes32 slot) {
        _deposit(alice, 0, 1e6);
        _deposit(alice, 0, 1e6);
        _deposit(alice, 1, 1e6);
        (uint40 queued, uint32 nextSlot) = novation.queueState();
        bytes32 value = bytes32(uint256(queued) | (uint256(nextSlot) << 40));
        for (uint256 i = 0; i < 32; ++i) {
            if (vm.load(address(novation), bytes32(i)) == value) return bytes32(i);
        }
        revert("VaultTest: queue not found");
    }
}
