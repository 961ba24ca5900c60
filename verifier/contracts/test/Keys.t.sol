// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Novation} from "../src/Novation.sol";
import {ICircuitKeys} from "../src/interfaces/ICircuitKeys.sol";
import {Bn254} from "../src/libraries/Bn254.sol";
import {Groth16Key} from "../src/libraries/Groth16Key.sol";
import {Lanes} from "../src/libraries/PublicData.sol";
import {NovationTest} from "./support/NovationTest.sol";
import {Trapdoor} from "./support/Trapdoor.sol";

/// @dev Which circuits and keys the table takes, and for how long.
contract KeysTest is NovationTest {
    uint64 private constant NEW = (2 << 32) | 1;
    uint256 private constant BETA = 2;
    uint256 private constant GAMMA = 6;
    uint256 private constant DELTA = 10;

    // --- the table ---

    function test_key_is_kept_as_code_that_cannot_run() public {
        ICircuitKeys.KeySpec memory spec = _spec(NEW, Lanes({accounts: 3, deposits: 2, commands: 1}));
        _register(spec);
        ICircuitKeys.CircuitKey memory k = novation.circuitKey(NEW);
        assertEq(k.activeUntil, spec.activeUntil);
        assertEq(k.accounts, 3);
        assertEq(k.deposits, 2);
        assertEq(k.commands, 1);
        assertEq(k.code.code, abi.encodePacked(bytes1(0), spec.key));
    }

    function test_circuit_unknown_is_all_zero() public view {
        ICircuitKeys.CircuitKey memory k = novation.circuitKey(NEW);
        assertEq(k.code, address(0));
        assertEq(uint256(k.activeUntil) + k.accounts + k.deposits + k.commands, 0);
    }

    function test_only_governance_registers_and_retires() public {
        ICircuitKeys.KeySpec memory spec = _spec(NEW, _lanes());
        bytes memory reason =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, operator, bytes32(0));
        vm.startPrank(operator);
        vm.expectRevert(reason);
        novation.registerKey(spec);
        vm.expectRevert(reason);
        novation.retireKey(CIRCUIT, START);
        vm.stopPrank();
    }

    function test_key_is_never_replaced_not_even_after_its_time() public {
        ICircuitKeys.KeySpec memory spec = _spec(CIRCUIT, _lanes());
        _refuse(spec, abi.encodeWithSelector(ICircuitKeys.KeyExists.selector, CIRCUIT));
        vm.prank(address(timelock));
        novation.retireKey(CIRCUIT, START);
        vm.warp(START + 1);
        _refuse(spec, abi.encodeWithSelector(ICircuitKeys.KeyExists.selector, CIRCUIT));
    }

    function test_key_that_nobody_could_use_is_refused() public {
        ICircuitKeys.KeySpec memory spec = _spec(NEW, _lanes());
        spec.activeUntil = START - 1;
        _refuse(spec, abi.encodeWithSelector(ICircuitKeys.KeyExpired.selector, NEW, START - 1, uint256(START)));
        spec.activeUntil = START;
        _register(spec);
    }

    function test_lanes_need_an_account_and_fit_a_transaction() public {
        ICircuitKeys.KeySpec memory spec = _spec(NEW, Lanes({accounts: 0, deposits: 4, commands: 4}));
        _refuse(spec, abi.encodeWithSelector(ICircuitKeys.LanesWithoutAccounts.selector));
        // 17 header words, 4 for the house, 10 an account, 5 a deposit, 2 a command.
        spec.lanes = Lanes({accounts: 1021, deposits: 1, commands: 3});
        _refuse(spec, abi.encodeWithSelector(ICircuitKeys.LanesTooLarge.selector, 10_242, 10_240));
        spec.lanes.commands = 2;
        _register(spec);
    }

    function test_retiring_only_brings_the_end_forward() public {
        uint40 end = novation.circuitKey(CIRCUIT).activeUntil;
        vm.startPrank(address(timelock));
        vm.expectRevert(abi.encodeWithSelector(ICircuitKeys.KeyExpiryExtended.selector, end, end));
        novation.retireKey(CIRCUIT, end);
        vm.expectRevert(abi.encodeWithSelector(ICircuitKeys.KeyExpiryExtended.selector, end + 1, end));
        novation.retireKey(CIRCUIT, end + 1);
        vm.expectEmit(address(novation));
        emit ICircuitKeys.KeyRetired(CIRCUIT, end - 1);
        novation.retireKey(CIRCUIT, end - 1);
        vm.expectRevert(abi.encodeWithSelector(ICircuitKeys.KeyUnknown.selector, NEW));
        novation.retireKey(NEW, START);
        vm.stopPrank();
        assertEq(novation.circuitKey(CIRCUIT).activeUntil, end - 1);
    }

    // --- keys under which a proof would mean nothing ---

    function test_every_coordinate_is_refused_from_p_on() public {
        for (uint256 i = 0; i < 22; ++i) {
            ICircuitKeys.KeySpec memory spec = _spec(NEW, _lanes());
            spec.key[i] += Bn254.P;
            _refuse(spec, abi.encodeWithSelector(Groth16Key.KeyCoordinateNotInField.selector, i, spec.key[i]));
        }
    }

    function test_every_point_of_g1_must_lie_on_the_curve_and_not_be_the_identity() public {
        uint256[5] memory points = [uint256(0), 14, 16, 18, 20];
        for (uint256 k = 0; k < 5; ++k) {
            uint256 i = points[k];
            ICircuitKeys.KeySpec memory spec = _spec(NEW, _lanes());
            spec.key[i] = addmod(spec.key[i], 1, Bn254.P);
            _refuse(spec, abi.encodeWithSelector(Groth16Key.KeyPointNotOnCurve.selector, i));
            (spec.key[i], spec.key[i + 1]) = (0, 0);
            _refuse(spec, abi.encodeWithSelector(Groth16Key.KeyPointIsIdentity.selector, i));
        }
    }

    function test_every_point_of_g2_must_not_be_the_identity_or_the_generator() public {
        uint256[3] memory points = [BETA, GAMMA, DELTA];
        for (uint256 k = 0; k < 3; ++k) {
            uint256 i = points[k];
            ICircuitKeys.KeySpec memory spec = _spec(NEW, _lanes());
            Trapdoor.putG2(spec.key, i, [uint256(0), 0, 0, 0]);
            _refuse(spec, abi.encodeWithSelector(Groth16Key.KeyPointIsIdentity.selector, i));
            Trapdoor.putG2(spec.key, i, Trapdoor.g2(1));
            _refuse(spec, abi.encodeWithSelector(Groth16Key.KeyPointIsGenerator.selector, i));
            _negate(spec.key, i);
            _refuse(spec, abi.encodeWithSelector(Groth16Key.KeyPointIsGenerator.selector, i));
        }
    }

    /// The attack of 2026: a setup whose second phase was skipped leaves delta equal to gamma, and C proves anything.
    function test_points_of_g2_must_differ_also_up_to_sign() public {
        uint256[2][3] memory pairs = [[GAMMA, DELTA], [BETA, GAMMA], [BETA, DELTA]];
        for (uint256 k = 0; k < 3; ++k) {
            (uint256 i, uint256 j) = (pairs[k][0], pairs[k][1]);
            ICircuitKeys.KeySpec memory spec = _spec(NEW, _lanes());
            for (uint256 w = 0; w < 4; ++w) {
                spec.key[j + w] = spec.key[i + w];
            }
            _refuse(spec, abi.encodeWithSelector(Groth16Key.KeyPointsEqual.selector, i, j));
            _negate(spec.key, j);
            _refuse(spec, abi.encodeWithSelector(Groth16Key.KeyPointsEqual.selector, i, j));
        }
    }

    function test_points_of_g2_must_lie_in_the_subgroup() public {
        uint256[3] memory points = [BETA, GAMMA, DELTA];
        for (uint256 k = 0; k < 3; ++k) {
            ICircuitKeys.KeySpec memory spec = _spec(NEW, _lanes());
            // Off the curve.
            spec.key[points[k]] = addmod(spec.key[points[k]], 1, Bn254.P);
            _refuse(spec, abi.encodeWithSelector(Groth16Key.KeyPointNotInSubgroup.selector));
            // On the curve with x = 1, outside the subgroup.
            Trapdoor.putG2(
                spec.key,
                points[k],
                [
                    0,
                    1,
                    0x0d1271953ed9ea0836846e70a1934187998c7f790cb4d7511b7f8da82de048a4,
                    0x2869111d5381f072f8e2728fdb825a51aadd70e52c9830e9ab4b871c0531f1bb
                ]
            );
            _refuse(spec, abi.encodeWithSelector(Groth16Key.KeyPointNotInSubgroup.selector));
        }
    }

    function test_bad_key_is_refused_at_deployment_too() public {
        ICircuitKeys.KeySpec[] memory keys = new ICircuitKeys.KeySpec[](1);
        keys[0] = _spec(NEW, _lanes());
        for (uint256 w = 0; w < 4; ++w) {
            keys[0].key[DELTA + w] = keys[0].key[GAMMA + w];
        }
        vm.expectRevert(abi.encodeWithSelector(Groth16Key.KeyPointsEqual.selector, GAMMA, DELTA));
        new Novation(token, timelock, operator, oracle, GENESIS, keys);
    }

    function _register(ICircuitKeys.KeySpec memory spec) private {
        vm.prank(address(timelock));
        novation.registerKey(spec);
    }

    function _refuse(ICircuitKeys.KeySpec memory spec, bytes memory reason) private {
        vm.prank(address(timelock));
        vm.expectRevert(reason);
        novation.registerKey(spec);
    }

    function _negate(uint256[22] memory key, uint256 i) private pure {
        key[i + 2] = (Bn254.P - key[i + 2]) % Bn254.P;
        key[i + 3] = (Bn254.P - key[i + 3]) % Bn254.P;
    }
}
