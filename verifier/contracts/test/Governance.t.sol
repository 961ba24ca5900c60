// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernanceTimelock} from "../src/GovernanceTimelock.sol";
import {Novation} from "../src/Novation.sol";
import {ICircuitKeys} from "../src/interfaces/ICircuitKeys.sol";
import {INovation} from "../src/interfaces/INovation.sol";
import {Bn254} from "../src/libraries/Bn254.sol";
import {Batch} from "./support/Batches.sol";
import {NovationTest} from "./support/NovationTest.sol";

/// @dev Who may change what, and how long everybody else has to leave first.
contract GovernanceTest is NovationTest {
    bytes32 private constant ADMIN = bytes32(0);

    function test_deployment_gives_each_role_to_one_holder() public view {
        assertTrue(novation.hasRole(ADMIN, address(timelock)));
        assertTrue(novation.hasRole(novation.OPERATOR_ROLE(), operator));
        assertTrue(novation.hasRole(novation.ORACLE_ROLE(), oracle));
        assertFalse(novation.hasRole(ADMIN, address(this)));
        assertFalse(novation.hasRole(ADMIN, operator));
        assertFalse(novation.hasRole(novation.ORACLE_ROLE(), operator));
        assertEq(novation.getRoleAdmin(novation.OPERATOR_ROLE()), ADMIN);
        assertEq(novation.getRoleAdmin(novation.ORACLE_ROLE()), ADMIN);
    }

    function test_genesis_root_is_refused_from_r_on() public {
        ICircuitKeys.KeySpec[] memory none = new ICircuitKeys.KeySpec[](0);
        vm.expectRevert(abi.encodeWithSelector(INovation.GenesisRootNotInField.selector, Bn254.R));
        new Novation(token, timelock, operator, oracle, Bn254.R, none);
        assertEq(new Novation(token, timelock, operator, oracle, Bn254.R - 1, none).head().root, Bn254.R - 1);
    }

    function test_governance_that_waits_less_than_three_weeks_is_refused() public {
        ICircuitKeys.KeySpec[] memory none = new ICircuitKeys.KeySpec[](0);
        address[] memory who = new address[](1);
        who[0] = governor;
        address hasty = address(new TimelockController(21 days - 1, who, who, address(0)));
        vm.expectRevert(abi.encodeWithSelector(INovation.GovernanceDelay.selector, 21 days - 1, 21 days));
        new Novation(token, GovernanceTimelock(payable(hasty)), operator, oracle, GENESIS, none);
    }

    function test_change_waits_three_weeks() public {
        ICircuitKeys.KeySpec memory spec = _spec(99, _lanes());
        bytes memory call = abi.encodeCall(ICircuitKeys.registerKey, (spec));
        _schedule(address(novation), call, 21 days);
        vm.warp(START + 21 days - 1);
        bytes32 id = timelock.hashOperation(address(novation), 0, call, 0, 0);
        bytes32 ready = bytes32(2 ** uint256(TimelockController.OperationState.Ready));
        vm.prank(governor);
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockUnexpectedOperationState.selector, id, ready));
        timelock.execute(address(novation), 0, call, 0, 0);
        vm.warp(START + 21 days);
        vm.prank(governor);
        timelock.execute(address(novation), 0, call, 0, 0);
        assertEq(novation.circuitKey(99).accounts, 8);
    }

    function test_change_cannot_be_scheduled_sooner() public {
        bytes memory call = abi.encodeCall(ICircuitKeys.retireKey, (CIRCUIT, START));
        vm.prank(governor);
        vm.expectRevert(
            abi.encodeWithSelector(TimelockController.TimelockInsufficientDelay.selector, 21 days - 1, 21 days)
        );
        timelock.schedule(address(novation), 0, call, 0, 0, 21 days - 1);
    }

    /// The way around a timelock: first vote its delay down, then act at once.
    function test_delay_that_was_lowered_is_three_weeks_still() public {
        bytes memory lower = abi.encodeCall(TimelockController.updateDelay, (0));
        _schedule(address(timelock), lower, 21 days);
        vm.warp(START + 21 days);
        vm.prank(governor);
        timelock.execute(address(timelock), 0, lower, 0, 0);
        assertEq(timelock.getMinDelay(), 21 days);
        bytes memory call = abi.encodeCall(ICircuitKeys.retireKey, (CIRCUIT, START));
        vm.prank(governor);
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockInsufficientDelay.selector, 0, 21 days));
        timelock.schedule(address(novation), 0, call, 0, 0, 0);
    }

    function test_delay_that_was_raised_counts() public {
        bytes memory raise = abi.encodeCall(TimelockController.updateDelay, (40 days));
        _schedule(address(timelock), raise, 21 days);
        vm.warp(START + 21 days);
        vm.prank(governor);
        timelock.execute(address(timelock), 0, raise, 0, 0);
        assertEq(timelock.getMinDelay(), 40 days);
    }

    function test_roles_are_nobodys_to_give_but_governances() public {
        bytes32[3] memory roles = [ADMIN, novation.OPERATOR_ROLE(), novation.ORACLE_ROLE()];
        address[4] memory callers = [operator, oracle, governor, alice];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 k = 0; k < 4; ++k) {
                bytes memory reason =
                    abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, callers[k], ADMIN);
                vm.startPrank(callers[k]);
                vm.expectRevert(reason);
                novation.grantRole(roles[i], callers[k]);
                vm.expectRevert(reason);
                novation.revokeRole(roles[i], operator);
                vm.stopPrank();
            }
        }
    }

    function test_operator_that_renounced_submits_no_more_and_governance_names_another() public {
        bytes32 role = novation.OPERATOR_ROLE();
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        vm.startPrank(operator);
        novation.renounceRole(role, operator);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, operator, role)
        );
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
        vm.stopPrank();
        vm.prank(address(timelock));
        novation.grantRole(role, bob);
        vm.prank(bob);
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
        assertEq(novation.head().batch, 1);
    }

    function test_oracle_that_was_revoked_submits_no_more() public {
        bytes32 role = novation.ORACLE_ROLE();
        vm.prank(address(timelock));
        novation.revokeRole(role, oracle);
        vm.prank(oracle);
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, oracle, role));
        novation.submitMarkets(2, 1, START, new uint32[](0), new uint256[](0));
    }

    function test_nobody_renounces_for_somebody_else() public {
        bytes32 role = novation.OPERATOR_ROLE();
        vm.prank(alice);
        vm.expectRevert(IAccessControl.AccessControlBadConfirmation.selector);
        novation.renounceRole(role, operator);
    }

    /// Roles gone for good stop batches, not claims: what is owed needs nobody's help.
    function test_claims_are_paid_without_any_role() public {
        INovation.DepositEntry memory e = _deposit(alice, 0, 3e6);
        e.credited = false;
        _submit(_with(_batch(), e));
        bytes32 operatorRole = novation.OPERATOR_ROLE();
        vm.prank(operator);
        novation.renounceRole(operatorRole, operator);
        vm.prank(address(timelock));
        novation.renounceRole(ADMIN, address(timelock));
        vm.prank(alice);
        assertEq(novation.claim(alice), 3e6);
    }

    function _schedule(address target, bytes memory call, uint256 delay) private {
        vm.prank(governor);
        timelock.schedule(target, 0, call, 0, 0, delay);
    }
}
