// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title Timelock whose delay has a floor: whoever disagrees with a change has 21 days to leave.
contract GovernanceTimelock is TimelockController {
    /// @notice Seconds that every change waits at least (the upgrade delay of zkSync Lite and of Lighter's slow path).
    uint256 public constant LEAST_DELAY = 21 days;

    /// @param proposers May schedule and cancel; meant to be a multi-signature account.
    /// @param executors May execute what has waited; the zero address lets anybody.
    constructor(address[] memory proposers, address[] memory executors)
        TimelockController(LEAST_DELAY, proposers, executors, address(0))
    {}

    /// @notice Seconds between scheduling and execution.
    /// @dev The base contract lets a scheduled call lower its delay to nothing; the floor outlasts that.
    function getMinDelay() public view override returns (uint256) {
        uint256 delay = super.getMinDelay();
        return delay < LEAST_DELAY ? LEAST_DELAY : delay;
    }
}
