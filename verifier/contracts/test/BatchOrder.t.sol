// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {INovation} from "../src/interfaces/INovation.sol";
import {Batch} from "./support/Batches.sol";
import {NovationTest} from "./support/NovationTest.sol";

/// @dev In what a batch must follow the one before; every proof here is valid, so only the order refuses.
contract BatchOrderTest is NovationTest {
    function setUp() public override {
        super.setUp();
        vm.warp(START + 100);
        _submitMarkets(2, MARKETS + 2, START + 50);
        Batch memory b = _batch();
        b.header.windowFirst = 5;
        b.header.windowLast = 10;
        b.header.logLast = 1000;
        _submit(b);
    }

    function test_submitter_without_role_is_refused() public {
        Batch memory b = _batch();
        uint256[8] memory proof = _prove(b);
        bytes32 role = novation.OPERATOR_ROLE();
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, alice, role));
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
    }

    function test_number_repeated_or_skipped_is_refused() public {
        Batch memory b = _batch();
        b.header.batch = 1;
        _refuse(b, abi.encodeWithSelector(INovation.BatchNumber.selector, 1, 2));
        b.header.batch = 3;
        _refuse(b, abi.encodeWithSelector(INovation.BatchNumber.selector, 3, 2));
    }

    function test_markets_behind_the_last_batch_are_refused() public {
        Batch memory b = _batch();
        b.header.marketsNumber = 1;
        b.header.marketsRoot = MARKETS;
        b.header.marketsTime = START;
        _refuse(b, abi.encodeWithSelector(INovation.MarketsBehind.selector, 1, 2));
    }

    function test_markets_never_accepted_are_refused() public {
        Batch memory b = _batch();
        b.header.marketsNumber = 3;
        _refuseMarkets(b);
        b.header.marketsRoot = 0;
        b.header.marketsTime = 0;
        _refuseMarkets(b);
    }

    function test_markets_with_another_root_or_time_are_refused() public {
        Batch memory b = _batch();
        b.header.marketsRoot += 1;
        _refuseMarkets(b);
        b = _batch();
        b.header.marketsTime -= 1;
        _refuseMarkets(b);
    }

    function test_time_before_the_last_batch_is_refused() public {
        Batch memory b = _batch();
        b.header.time = START + 99;
        _refuse(b, abi.encodeWithSelector(INovation.TimeBeforePrevious.selector, START + 99, START + 100));
    }

    function test_time_of_the_last_batch_again_is_accepted() public {
        vm.warp(START + 200);
        Batch memory b = _batch();
        b.header.time = START + 100;
        _submit(b);
        assertEq(novation.head().time, START + 100);
    }

    function test_time_after_the_block_is_refused() public {
        Batch memory b = _batch();
        b.header.time = START + 101;
        _refuse(b, abi.encodeWithSelector(INovation.TimeInFuture.selector, START + 101, START + 100));
    }

    function test_time_before_the_markets_is_refused() public {
        vm.warp(START + 300);
        _submitMarkets(3, MARKETS + 3, START + 250);
        Batch memory b = _batch();
        b.header.time = START + 249;
        _refuse(b, abi.encodeWithSelector(INovation.TimeBeforeMarkets.selector, START + 249, START + 250));
        b.header.time = START + 250;
        _submit(b);
        assertEq(novation.head().time, START + 250);
    }

    function test_windows_that_overlap_the_last_are_refused() public {
        _refuseWindows(10, 12);
        _refuseWindows(1, 4);
        _refuseWindows(0, type(uint40).max);
    }

    function test_windows_in_reverse_are_refused() public {
        _refuseWindows(12, 11);
        _refuseWindows(13, 12);
        // The empty range right after the last is the only one without windows.
        _refuseWindows(10, 9);
        _refuseWindows(11, 9);
    }

    function test_windows_may_be_skipped_and_may_be_one() public {
        Batch memory b = _batch();
        b.header.windowFirst = 20;
        b.header.windowLast = 20;
        _submit(b);
        assertEq(novation.head().windowLast, 20);
    }

    function test_last_window_there_is_is_refused_and_the_one_before_ends_the_windows() public {
        _refuseWindows(11, type(uint40).max);
        Batch memory b = _batch();
        b.header.windowLast = type(uint40).max - 1;
        _submit(b);
        // No window is left, but batches without windows still are.
        b = _batch();
        assertEq(b.header.windowFirst, type(uint40).max);
        _submit(b);
        assertEq(novation.head().windowLast, type(uint40).max - 1);
    }

    function test_log_that_goes_back_is_refused() public {
        Batch memory b = _batch();
        b.header.logLast = 999;
        _refuse(b, abi.encodeWithSelector(INovation.LogRange.selector, 999, 1000));
    }

    function test_log_may_stand_still() public {
        Batch memory b = _batch();
        assertEq(b.header.logLast, 1000);
        _submit(b);
        assertEq(novation.head().logLast, 1000);
    }

    function test_last_log_position_there_is_is_refused_because_the_next_would_not_fit() public {
        Batch memory b = _batch();
        b.header.logLast = type(uint64).max;
        _refuse(b, abi.encodeWithSelector(INovation.LogRange.selector, type(uint64).max, 1000));
        b.header.logLast = type(uint64).max - 1;
        _submit(b);
        assertEq(_words(_batch())[11], type(uint64).max);
        _submit(_batch());
        assertEq(novation.head().logLast, type(uint64).max - 1);
    }

    function test_first_log_position_is_the_one_after_the_last() public view {
        assertEq(_words(_batch())[11], 1001);
    }

    function _refuseMarkets(Batch memory b) private {
        _refuse(
            b,
            abi.encodeWithSelector(
                INovation.MarketsUnknown.selector, b.header.marketsNumber, b.header.marketsRoot, b.header.marketsTime
            )
        );
    }

    function _refuseWindows(uint40 first, uint40 last) private {
        Batch memory b = _batch();
        b.header.windowFirst = first;
        b.header.windowLast = last;
        _refuse(b, abi.encodeWithSelector(INovation.WindowRange.selector, first, last, 10));
    }
}
