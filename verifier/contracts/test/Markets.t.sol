// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IMarketRoots} from "../src/interfaces/IMarketRoots.sol";
import {Bn254} from "../src/libraries/Bn254.sol";
import {NovationTest} from "./support/NovationTest.sol";

/// @dev Markets roots: one after the other, never back in time.
contract MarketsTest is NovationTest {
    uint32[] private ids;
    uint256[] private leaves;

    function test_root_is_kept_with_its_number_and_time_and_announced() public {
        _leaf(7, 1);
        _leaf(9, 2);
        vm.warp(START + 60);
        vm.expectEmit(address(novation));
        emit IMarketRoots.MarketsAccepted(2, 123, START + 30, keccak256(abi.encode(ids, leaves)));
        _send(2, 123, START + 30);
        assertEq(novation.marketsHash(2), keccak256(abi.encode(uint256(123), uint256(START + 30))));
        assertEq(novation.marketsHash(3), 0);
        (uint32 number, uint40 time) = novation.lastMarkets();
        assertEq(number, 2);
        assertEq(time, START + 30);
        // Older ones stay.
        assertEq(novation.marketsHash(1), keccak256(abi.encode(MARKETS, uint256(START))));
    }

    function test_largest_root_id_and_leaf_are_accepted() public {
        _leaf((1 << 20) - 1, Bn254.R - 1);
        _send(2, Bn254.R - 1, START);
        assertEq(novation.marketsHash(2), keccak256(abi.encode(Bn254.R - 1, uint256(START))));
    }

    function test_only_the_oracle_submits() public {
        bytes32 role = novation.ORACLE_ROLE();
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, operator, role)
        );
        vm.prank(operator);
        novation.submitMarkets(2, 1, START, ids, leaves);
    }

    function testFuzz_number_that_is_not_the_next_is_refused(uint32 number) public {
        vm.assume(number != 2);
        _refuse(number, 1, START, abi.encodeWithSelector(IMarketRoots.MarketsNumber.selector, number, 2));
    }

    function testFuzz_root_is_refused_from_r_on(uint256 root) public {
        root = bound(root, Bn254.R, type(uint256).max);
        _refuse(2, root, START, abi.encodeWithSelector(IMarketRoots.MarketsRootNotInField.selector, root));
    }

    function test_oracle_cannot_go_back_in_time() public {
        vm.warp(START + 100);
        _send(2, 1, START + 50);
        bytes memory reason =
            abi.encodeWithSelector(IMarketRoots.MarketsTimeBeforePrevious.selector, START + 49, START + 50);
        _refuse(3, 1, START + 49, reason);
        // The same second again is not back.
        _send(3, 1, START + 50);
        (uint32 number,) = novation.lastMarkets();
        assertEq(number, 3);
    }

    function test_oracle_cannot_run_ahead_of_the_chain() public {
        _refuse(
            2,
            1,
            START + 1,
            abi.encodeWithSelector(IMarketRoots.MarketsTimeInFuture.selector, START + 1, uint256(START))
        );
    }

    function test_ids_must_increase_and_fit_the_tree() public {
        _leaf(5, 1);
        _leaf(5, 1);
        _refuse(2, 1, START, abi.encodeWithSelector(IMarketRoots.MarketsId.selector, 1, 5));
        ids[1] = 4;
        _refuse(2, 1, START, abi.encodeWithSelector(IMarketRoots.MarketsId.selector, 1, 4));
        ids[1] = 1 << 20;
        _refuse(2, 1, START, abi.encodeWithSelector(IMarketRoots.MarketsId.selector, 1, 1 << 20));
    }

    function test_leaves_are_seven_words_an_id() public {
        _leaf(5, 1);
        leaves.push(1);
        _refuse(2, 1, START, abi.encodeWithSelector(IMarketRoots.MarketsLeavesLength.selector, 8, 7));
        leaves.pop();
        leaves.pop();
        _refuse(2, 1, START, abi.encodeWithSelector(IMarketRoots.MarketsLeavesLength.selector, 6, 7));
    }

    function test_every_leaf_word_is_refused_from_r_on() public {
        _leaf(5, 1);
        _leaf(6, 1);
        for (uint256 i = 0; i < 14; ++i) {
            leaves[i] = Bn254.R;
            _refuse(2, 1, START, abi.encodeWithSelector(IMarketRoots.MarketsLeafNotInField.selector, i, Bn254.R));
            leaves[i] = 0;
        }
    }

    function _leaf(uint32 id, uint256 word) private {
        ids.push(id);
        for (uint256 i = 0; i < 7; ++i) {
            leaves.push(word);
        }
    }

    function _send(uint32 number, uint256 root, uint40 time) private {
        vm.prank(oracle);
        novation.submitMarkets(number, root, time, ids, leaves);
    }

    function _refuse(uint32 number, uint256 root, uint40 time, bytes memory reason) private {
        vm.prank(oracle);
        vm.expectRevert(reason);
        novation.submitMarkets(number, root, time, ids, leaves);
    }
}
