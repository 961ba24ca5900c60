// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IMarketRoots} from "./interfaces/IMarketRoots.sol";
import {Bn254} from "./libraries/Bn254.sol";

/// @title Every markets root that was accepted, with its number and time.
abstract contract MarketRoots is IMarketRoots, AccessControl {
    struct Last {
        uint32 number;
        uint40 time;
    }

    /// @notice Submits markets roots. Known gap: trusted for their content until a market proof replaces it.
    bytes32 public constant ORACLE_ROLE = keccak256("ORACLE_ROLE");
    /// @notice Packed words that a market leaf has in calldata.
    uint256 public constant MARKET_LEAF_WORDS = 7;
    /// @dev Depth 10 of a quaternary tree.
    uint32 private constant IDS = 1 << 20;

    Last private _last;
    mapping(uint32 number => bytes32) private _hashes;

    /// @inheritdoc IMarketRoots
    function submitMarkets(uint32 number, uint256 root, uint40 time, uint32[] calldata ids, uint256[] calldata leaves)
        external
        onlyRole(ORACLE_ROLE)
    {
        Last memory last = _last;
        if (number != last.number + 1) revert MarketsNumber(number, last.number + 1);
        if (root >= Bn254.R) revert MarketsRootNotInField(root);
        if (time < last.time) revert MarketsTimeBeforePrevious(time, last.time);
        if (time > block.timestamp) revert MarketsTimeInFuture(time, block.timestamp);
        _checkLeaves(ids, leaves);
        _last = Last({number: number, time: time});
        _hashes[number] = _marketsHash(root, time);
        emit MarketsAccepted(number, root, time, keccak256(abi.encode(ids, leaves)));
    }

    /// @inheritdoc IMarketRoots
    function marketsHash(uint32 number) public view returns (bytes32) {
        return _hashes[number];
    }

    /// @inheritdoc IMarketRoots
    function lastMarkets() external view returns (uint32 number, uint40 time) {
        return (_last.number, _last.time);
    }

    function _marketsHash(uint256 root, uint40 time) internal pure returns (bytes32) {
        return keccak256(abi.encode(root, time));
    }

    function _checkLeaves(uint32[] calldata ids, uint256[] calldata leaves) private pure {
        if (leaves.length != MARKET_LEAF_WORDS * ids.length) {
            revert MarketsLeavesLength(leaves.length, MARKET_LEAF_WORDS * ids.length);
        }
        for (uint256 i = 0; i < ids.length; ++i) {
            if (ids[i] >= IDS || (i > 0 && ids[i] <= ids[i - 1])) revert MarketsId(i, ids[i]);
        }
        for (uint256 i = 0; i < leaves.length; ++i) {
            if (leaves[i] >= Bn254.R) revert MarketsLeafNotInField(i, leaves[i]);
        }
    }
}
