// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Lanes} from "../libraries/PublicData.sol";

/// @title Table of circuits: verifying key, lane sizes, and until when a batch may use it.
interface ICircuitKeys {
    /// @dev What is registered for a circuit.
    struct KeySpec {
        // version * 2^32 + size id.
        uint64 circuitId;
        // Last block time, in seconds, at which a batch may use it.
        uint40 activeUntil;
        Lanes lanes;
        // Groth16Key has the order.
        uint256[22] key;
    }

    /// @dev What the table holds: one storage slot.
    struct CircuitKey {
        // Account whose code is the verifying key.
        address code;
        uint40 activeUntil;
        // The lanes, spelled out: a struct inside a struct would start a second slot.
        uint16 accounts;
        uint16 deposits;
        uint16 commands;
    }

    /// @notice A circuit was registered.
    event KeyRegistered(uint64 indexed circuitId, address code, uint40 activeUntil, Lanes lanes);
    /// @notice A circuit's last time was brought forward.
    event KeyRetired(uint64 indexed circuitId, uint40 activeUntil);

    /// @param circuitId Has a key, and a key is never replaced: a new one is a new version.
    error KeyExists(uint64 circuitId);
    /// @param circuitId Has no key.
    error KeyUnknown(uint64 circuitId);
    /// @param circuitId The circuit. @param activeUntil Its last time, seconds. @param blockTime Time of this block.
    error KeyExpired(uint64 circuitId, uint40 activeUntil, uint256 blockTime);
    /// @param given New last time, seconds. @param current The one in force, which may only be brought forward.
    error KeyExpiryExtended(uint40 given, uint40 current);
    /// @param words Words of public data of the circuit. @param most The most that fit one transaction.
    error LanesTooLarge(uint256 words, uint256 most);
    /// @notice Lanes without an account entry: such a batch can do nothing.
    error LanesWithoutAccounts();

    /// @notice Registers a circuit; only the admin, i.e. the timelock.
    function registerKey(KeySpec calldata spec) external;

    /// @notice Brings forward the last time of a circuit; only the admin.
    function retireKey(uint64 circuitId, uint40 activeUntil) external;

    /// @notice The table's entry; all zero if there is none.
    function circuitKey(uint64 circuitId) external view returns (CircuitKey memory);
}
