// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Accepted markets roots: instruments, marks and risk entries that batches may be proven against.
interface IMarketRoots {
    /// @notice A root was accepted; the changed leaves are in the calldata of this transaction.
    /// @param number Serial number, from 1.
    /// @param root Root of the markets tree, below r.
    /// @param time Time of its marks, seconds.
    /// @param leavesHash keccak256(abi.encode(ids, leaves)) of what calldata brought.
    event MarketsAccepted(uint32 indexed number, uint256 root, uint40 time, bytes32 leavesHash);

    /// @param given Serial number in calldata. @param expected The one after the last accepted.
    error MarketsNumber(uint32 given, uint32 expected);
    /// @param root Not below r.
    error MarketsRootNotInField(uint256 root);
    /// @param time Given, seconds. @param previous Time of the last accepted root.
    error MarketsTimeBeforePrevious(uint40 time, uint40 previous);
    /// @param time Given, seconds. @param blockTime Time of this block.
    error MarketsTimeInFuture(uint40 time, uint256 blockTime);
    /// @param index Position in `ids`. @param id An instrument id that is not above the one before, or wider than 20 bits.
    error MarketsId(uint256 index, uint32 id);
    /// @param given Words of leaves in calldata. @param expected Seven for each id.
    error MarketsLeavesLength(uint256 given, uint256 expected);
    /// @param index Position in `leaves`. @param word Not below r.
    error MarketsLeafNotInField(uint256 index, uint256 word);

    /// @notice Accepts the next markets root; only the oracle role.
    /// @dev Nothing here checks the leaves against the root: the contract has no Poseidon. Whoever follows the chain
    ///      rebuilds the tree from the leaves and sees a wrong root; a proof of the round will replace this role.
    /// @param number The last accepted number plus one.
    /// @param root Root of the markets tree after the changes.
    /// @param time Time of the marks, seconds; not before the last one's, not after this block's.
    /// @param ids Instrument ids of the changed leaves, strictly increasing, each below 2^20.
    /// @param leaves Seven packed words a leaf, each below r.
    function submitMarkets(uint32 number, uint256 root, uint40 time, uint32[] calldata ids, uint256[] calldata leaves)
        external;

    /// @notice keccak256(abi.encode(root, time)) of the accepted root with that number; zero if there is none.
    /// @dev One storage slot a root instead of two: whoever uses a root brings it along, and it must match.
    function marketsHash(uint32 number) external view returns (bytes32);

    /// @notice Number of the last accepted root, 0 before the first, and its time.
    function lastMarkets() external view returns (uint32 number, uint40 time);
}
