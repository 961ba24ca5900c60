// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Proven batches: the only way in which the state root moves and money leaves the accounts.
interface INovation {
    /// @dev What a batch states about itself. Whatever the contract knows (old root, first log position, first deposit,
    ///      markets root) it takes from its own storage.
    struct Header {
        // version * 2^32 + size id.
        uint64 circuitId;
        // Serial number: the last batch's plus one. Storage knows it; naming it makes a stale transaction say so.
        uint32 batch;
        // The accepted markets root that all windows of the batch use: its number and its time, seconds.
        uint32 marketsNumber;
        uint40 marketsTime;
        // Batch time, seconds.
        uint40 time;
        // First and last auction window; last = first - 1 when the batch has none.
        uint40 windowFirst;
        uint40 windowLast;
        // Last log position; the first is the last batch's plus one.
        uint64 logLast;
        // The markets root itself, as accepted under that number and time.
        uint256 marketsRoot;
        // State and log root, the ephemeral point R and the commitment c: each below r.
        uint256 newRoot;
        uint256 logRoot;
        uint256 rx;
        uint256 ry;
        uint256 c;
    }

    /// @dev A deposit that the batch consumes: the queue entry's fields, in the order in which the queue hashes them after
    ///      the position, and what became of it.
    struct DepositEntry {
        uint24 slot;
        uint256 ax8;
        uint256 ay8;
        uint256 vx8;
        uint256 vy8;
        uint96 amount;
        address depositor;
        // Credited to its slot, or else refunded to the depositor's claim.
        bool credited;
    }

    /// @dev A withdrawal of the commands lane.
    struct WithdrawalEntry {
        // Which command of the batch; strictly increasing.
        uint16 command;
        uint64 chainId;
        address recipient;
        // Micro-units, below 2^106.
        uint256 amount;
    }

    /// @dev Where the chain of batches stands.
    struct Head {
        uint256 root;
        uint32 batch;
        uint32 marketsNumber;
        uint40 time;
        uint40 windowLast;
        uint40 depositsConsumed;
        uint64 logLast;
    }

    /// @notice A batch was proven; its public data follow from the transaction's calldata and the state before it.
    /// @param batch Serial number.
    /// @param root The state root after it.
    /// @param z Hash of public data and commitment, reduced mod r.
    event BatchAccepted(uint32 indexed batch, uint256 root, uint256 z);

    /// @param given Serial number in calldata. @param expected The one after the last batch.
    error BatchNumber(uint32 given, uint32 expected);
    /// @param field Index in the public data (for c: the number of words). @param value The word, not below r.
    error HeaderNotInField(uint256 field, uint256 value);
    /// @param number Markets root named by the batch. @param last The one of the last batch, below which none may go.
    error MarketsBehind(uint32 number, uint32 last);
    /// @param number Number, @param root root and @param time time in seconds that were never accepted together.
    error MarketsUnknown(uint32 number, uint256 root, uint40 time);
    /// @param time Batch time, seconds. @param previous The last batch's.
    error TimeBeforePrevious(uint40 time, uint40 previous);
    /// @param time Batch time, seconds. @param markets Time of the markets root that it names.
    error TimeBeforeMarkets(uint40 time, uint40 markets);
    /// @param time Batch time, seconds. @param blockTime Time of this block.
    error TimeInFuture(uint40 time, uint256 blockTime);
    /// @param first First window. @param last Last window. @param previous Last window of the batches before. Windows must come
    ///        after it and before 2^40 - 1.
    error WindowRange(uint40 first, uint40 last, uint40 previous);
    /// @param last Last log position. @param previous The last batch's, below which it may not go; 2^64 - 1 stays
    ///        out.
    error LogRange(uint64 last, uint64 previous);
    /// @param given Deposits in calldata. @param lane Room that the circuit has.
    error TooManyDeposits(uint256 given, uint256 lane);
    /// @param command Index that is not above the one before, or beyond the circuit's lane.
    error WithdrawalCommand(uint16 command);
    /// @param command The withdrawal. @param chainId Its chain, which is not this one.
    error WithdrawalChain(uint16 command, uint64 chainId);
    /// @param command The withdrawal, to nobody.
    error WithdrawalRecipient(uint16 command);
    /// @param command The withdrawal. @param amount Micro-units, not below 2^106.
    error WithdrawalAmount(uint16 command, uint256 amount);
    /// @param root Genesis root, not below r.
    error GenesisRootNotInField(uint256 root);
    /// @param delay The timelock's delay, seconds. @param least The least that governance must wait.
    error GovernanceDelay(uint256 delay, uint256 least);

    /// @notice Verifies the proof of a batch, moves the state root, and books its deposits and withdrawals.
    /// @param header What the batch states about itself.
    /// @param proof Groth16 proof: A.x, A.y, B.x.im, B.x.re, B.y.im, B.y.re, C.x, C.y.
    /// @param deposits The next entries of the queue, in its order.
    /// @param withdrawals In the order of the commands lane.
    /// @param body Ten words for each account entry (slot, leaf hash, eight of ciphertext), then four for the house
    ///        (leaf hash, three of ciphertext); exactly as many as the circuit has.
    function submitBatch(
        Header calldata header,
        uint256[8] calldata proof,
        DepositEntry[] calldata deposits,
        WithdrawalEntry[] calldata withdrawals,
        uint256[] calldata body
    ) external;

    /// @notice Where the chain of batches stands.
    function head() external view returns (Head memory);
}
