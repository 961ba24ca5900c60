// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ICircuitKeys} from "./interfaces/ICircuitKeys.sol";
import {Groth16Key} from "./libraries/Groth16Key.sol";
import {Lanes, PublicData} from "./libraries/PublicData.sol";

/// @title The circuits that batches may be proven with.
abstract contract CircuitKeys is ICircuitKeys, AccessControl {
    /// @notice Most words of public data of a circuit: at 40 gas a byte (EIP-7623) they take 13.1 of the 16.8 million
    ///         gas that a transaction may use (EIP-7825), which leaves room for deposits and withdrawals.
    uint256 public constant MAX_WORDS = 10_240;

    mapping(uint64 circuitId => CircuitKey) private _keys;

    /// @inheritdoc ICircuitKeys
    function registerKey(KeySpec calldata spec) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _register(spec);
    }

    /// @inheritdoc ICircuitKeys
    function retireKey(uint64 circuitId, uint40 activeUntil) external onlyRole(DEFAULT_ADMIN_ROLE) {
        CircuitKey storage entry = _keys[circuitId];
        if (entry.code == address(0)) revert KeyUnknown(circuitId);
        if (activeUntil >= entry.activeUntil) revert KeyExpiryExtended(activeUntil, entry.activeUntil);
        entry.activeUntil = activeUntil;
        emit KeyRetired(circuitId, activeUntil);
    }

    /// @inheritdoc ICircuitKeys
    function circuitKey(uint64 circuitId) external view returns (CircuitKey memory) {
        return _keys[circuitId];
    }

    /// @dev Checks the key and keeps it; a key that stands in the table has passed every check.
    function _register(KeySpec memory spec) internal {
        if (_keys[spec.circuitId].code != address(0)) revert KeyExists(spec.circuitId);
        if (spec.activeUntil < block.timestamp) revert KeyExpired(spec.circuitId, spec.activeUntil, block.timestamp);
        if (spec.lanes.accounts == 0) revert LanesWithoutAccounts();
        uint256 words = PublicData.length(spec.lanes);
        if (words > MAX_WORDS) revert LanesTooLarge(words, MAX_WORDS);
        Groth16Key.check(spec.key);
        address code = Groth16Key.store(spec.key);
        _keys[spec.circuitId] = CircuitKey({
            code: code,
            activeUntil: spec.activeUntil,
            accounts: spec.lanes.accounts,
            deposits: spec.lanes.deposits,
            commands: spec.lanes.commands
        });
        emit KeyRegistered(spec.circuitId, code, spec.activeUntil, spec.lanes);
    }

    /// @dev Key account and lanes of a circuit that may be used in this block.
    function _activeKey(uint64 circuitId) internal view returns (address code, Lanes memory lanes) {
        CircuitKey storage entry = _keys[circuitId];
        code = entry.code;
        if (code == address(0)) revert KeyUnknown(circuitId);
        if (block.timestamp > entry.activeUntil) revert KeyExpired(circuitId, entry.activeUntil, block.timestamp);
        lanes.accounts = entry.accounts;
        lanes.deposits = entry.deposits;
        lanes.commands = entry.commands;
    }
}
