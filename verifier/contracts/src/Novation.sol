// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {CircuitKeys} from "./CircuitKeys.sol";
import {GovernanceTimelock} from "./GovernanceTimelock.sol";
import {MarketRoots} from "./MarketRoots.sol";
import {Vault} from "./Vault.sol";
import {INovation} from "./interfaces/INovation.sol";
import {Bn254} from "./libraries/Bn254.sol";
import {Groth16Verifier} from "./libraries/Groth16Verifier.sol";
import {Lanes, PublicData} from "./libraries/PublicData.sol";

/// @title Novation: a clearing house whose only authority is a proof.
/// @notice Holds the collateral, keeps the state root, and moves both only by batches that a Groth16 proof vouches for.
contract Novation is INovation, Vault, MarketRoots, CircuitKeys {
    /// @notice Submits batches. It can stop doing so; it cannot change what a batch may do.
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    /// @notice Seconds that governance must wait at least before a change of roles or keys.
    uint256 public constant LEAST_GOVERNANCE_DELAY = 21 days;
    /// @notice Binds every signature and every proof to this chain and this contract:
    ///         keccak256(abi.encode("novation", chain id, address)) / 2^8, so that it is below r.
    uint256 public immutable DEPLOYMENT_ID;

    uint256 private constant AMOUNT_BITS = 106;

    uint256 private _root;
    /// @dev The rest of `Head`, in the order of its fields from the lowest bit: one write a batch, where the compiler
    ///      would make one for every field of a struct.
    uint256 private _position;

    /// @param collateral Token with 6 decimals, without fees on transfer.
    /// @param governance Timelock that owns the roles and the key table.
    /// @param operator First holder of the operator role.
    /// @param oracle First holder of the oracle role.
    /// @param genesisRoot State root before the first batch, below r.
    /// @param keys Circuits to start with; later ones wait for the timelock.
    constructor(
        IERC20Metadata collateral,
        GovernanceTimelock governance,
        address operator,
        address oracle,
        uint256 genesisRoot,
        KeySpec[] memory keys
    ) Vault(collateral) {
        if (genesisRoot >= Bn254.R) revert GenesisRootNotInField(genesisRoot);
        uint256 delay = governance.getMinDelay();
        if (delay < LEAST_GOVERNANCE_DELAY) revert GovernanceDelay(delay, LEAST_GOVERNANCE_DELAY);
        DEPLOYMENT_ID = uint256(keccak256(abi.encode("novation", block.chainid, address(this)))) >> 8;
        _grantRole(DEFAULT_ADMIN_ROLE, address(governance));
        _grantRole(OPERATOR_ROLE, operator);
        _grantRole(ORACLE_ROLE, oracle);
        _root = genesisRoot;
        for (uint256 i = 0; i < keys.length; ++i) {
            _register(keys[i]);
        }
    }

    /// @inheritdoc INovation
    function head() public view returns (Head memory h) {
        uint256 p = _position;
        h.root = _root;
        // Each cast keeps exactly the bits that `_takeHeader` put there.
        // forge-lint: disable-start(unsafe-typecast)
        h.batch = uint32(p);
        h.marketsNumber = uint32(p >> 32);
        h.time = uint40(p >> 64);
        h.windowLast = uint40(p >> 104);
        h.depositsConsumed = uint40(p >> 144);
        h.logLast = uint64(p >> 184);
        // forge-lint: disable-end(unsafe-typecast)
    }

    /// @inheritdoc INovation
    function submitBatch(
        Header calldata header,
        uint256[8] calldata proof,
        DepositEntry[] calldata deposits,
        WithdrawalEntry[] calldata withdrawals,
        uint256[] calldata body
    ) external onlyRole(OPERATOR_ROLE) nonReentrant {
        // Decoded once: a field of calldata has its width checked again whenever it is read.
        Header memory h = header;
        (address key, Lanes memory lanes) = _activeKey(h.circuitId);
        uint256[] memory d = PublicData.allocate(lanes, body);
        uint256 firstDeposit = _takeHeader(d, h, deposits.length);
        (uint256 credited, uint256 refunded) = _takeDeposits(d, lanes, firstDeposit, deposits);
        uint256 withdrawn = _takeWithdrawals(d, lanes, withdrawals);
        _settle(credited, refunded, withdrawn);

        (uint256 z, uint256 y) = PublicData.challenge(d, lanes, h.c, deposits.length, withdrawals.length);
        Groth16Verifier.verify(key, proof, h.c, z, y);
        emit BatchAccepted(h.batch, h.newRoot, z);
    }

    /// @dev Checks the header against the head, writes the header words, and moves the head.
    /// @return firstDeposit Position in the queue of the first deposit that the batch may consume.
    function _takeHeader(uint256[] memory d, Header memory h, uint256 depositCount)
        private
        returns (uint256 firstDeposit)
    {
        Head memory last = head();
        _checkOrder(h, last);
        if (marketsHash(h.marketsNumber) != _marketsHash(h.marketsRoot, h.marketsTime)) {
            revert MarketsUnknown(h.marketsNumber, h.marketsRoot, h.marketsTime);
        }
        firstDeposit = last.depositsConsumed;

        PublicData.put(d, PublicData.DEPLOYMENT_ID, DEPLOYMENT_ID);
        PublicData.put(d, PublicData.CIRCUIT_ID, h.circuitId);
        PublicData.put(d, PublicData.BATCH, h.batch);
        PublicData.put(d, PublicData.OLD_ROOT, last.root);
        PublicData.put(d, PublicData.NEW_ROOT, _inField(PublicData.NEW_ROOT, h.newRoot));
        PublicData.put(d, PublicData.MARKETS_NUMBER, h.marketsNumber);
        PublicData.put(d, PublicData.MARKETS_ROOT, h.marketsRoot);
        PublicData.put(d, PublicData.TIME, h.time);
        PublicData.put(d, PublicData.WINDOW_FIRST, h.windowFirst);
        PublicData.put(d, PublicData.WINDOW_LAST, h.windowLast);
        PublicData.put(d, PublicData.LOG_ROOT, _inField(PublicData.LOG_ROOT, h.logRoot));
        PublicData.put(d, PublicData.LOG_FIRST, uint256(last.logLast) + 1);
        PublicData.put(d, PublicData.LOG_LAST, h.logLast);
        PublicData.put(d, PublicData.R_X, _inField(PublicData.R_X, h.rx));
        PublicData.put(d, PublicData.R_Y, _inField(PublicData.R_Y, h.ry));
        PublicData.put(d, PublicData.DEPOSIT_FIRST, firstDeposit);
        PublicData.put(d, PublicData.DEPOSIT_COUNT, depositCount);

        _root = h.newRoot;
        // Only entries of the queue are consumed, and the queue counts them in 40 bits.
        uint256 consumed = firstDeposit + depositCount;
        _position = uint256(h.batch) | (uint256(h.marketsNumber) << 32) | (uint256(h.time) << 64)
            | (uint256(h.windowLast) << 104) | (consumed << 144) | (uint256(h.logLast) << 184);
    }

    /// @dev Everything in which a batch must come after the one before.
    function _checkOrder(Header memory h, Head memory last) private view {
        if (h.batch != last.batch + 1) revert BatchNumber(h.batch, last.batch + 1);
        if (h.marketsNumber < last.marketsNumber) revert MarketsBehind(h.marketsNumber, last.marketsNumber);
        if (h.time < last.time) revert TimeBeforePrevious(h.time, last.time);
        if (h.time < h.marketsTime) revert TimeBeforeMarkets(h.time, h.marketsTime);
        if (h.time > block.timestamp) revert TimeInFuture(h.time, block.timestamp);
        // Windows may be skipped, never repeated. A batch without windows names the empty range right after the last.
        // The last number of either range stays out, so that the one after it always fits its word.
        bool someWindows = h.windowFirst > last.windowLast && h.windowLast >= h.windowFirst;
        bool noWindows = h.windowFirst == last.windowLast + 1 && h.windowLast == last.windowLast;
        if (!(someWindows || noWindows) || h.windowLast == type(uint40).max) {
            revert WindowRange(h.windowFirst, h.windowLast, last.windowLast);
        }
        if (h.logLast < last.logLast || h.logLast == type(uint64).max) revert LogRange(h.logLast, last.logLast);
    }

    /// @dev Matches the deposits with the queue, writes their words, and books refunds.
    /// @param first Position of the first one in the queue.
    function _takeDeposits(uint256[] memory d, Lanes memory lanes, uint256 first, DepositEntry[] calldata deposits)
        private
        returns (uint256 credited, uint256 refunded)
    {
        if (deposits.length > lanes.deposits) revert TooManyDeposits(deposits.length, lanes.deposits);
        uint256 word = PublicData.HEADER_WORDS;
        uint256[8] memory entry;
        for (uint256 i = 0; i < deposits.length; ++i) {
            DepositEntry calldata e = deposits[i];
            // Position, then seven fields of calldata as they are: slot, two points, amount, depositor. What matches the
            // queue's hash needs no other check; a field wider than its type matches nothing.
            assembly ("memory-safe") {
                mstore(entry, add(first, i))
                calldatacopy(add(entry, 0x20), e, 0xe0)
            }
            _matchEntry(entry);
            uint256 amount = entry[6];
            uint256 info = entry[1] | (amount << 24) | (1 << 121);
            // Sums of at most 2^16 amounts of 96 bits; words of D, fewer than 2^20.
            unchecked {
                if (e.credited) {
                    info |= 1 << 120;
                    credited += amount;
                } else {
                    refunded += amount;
                    _addClaim(address(uint160(entry[7])), amount, true);
                }
                PublicData.put(d, word, entry[2]);
                PublicData.put(d, word + 1, entry[3]);
                PublicData.put(d, word + 2, entry[4]);
                PublicData.put(d, word + 3, entry[5]);
                PublicData.put(d, word + 4, info);
                word += PublicData.DEPOSIT_WORDS;
            }
        }
    }

    /// @dev Checks the withdrawals, writes their words, and books their claims.
    function _takeWithdrawals(uint256[] memory d, Lanes memory lanes, WithdrawalEntry[] calldata withdrawals)
        private
        returns (uint256 withdrawn)
    {
        uint256 start = PublicData.commandsStart(lanes);
        uint256 next;
        for (uint256 i = 0; i < withdrawals.length; ++i) {
            WithdrawalEntry calldata w = withdrawals[i];
            (uint16 command, uint64 chainId) = (w.command, w.chainId);
            (address recipient, uint256 amount) = (w.recipient, w.amount);
            if (command < next || command >= lanes.commands) revert WithdrawalCommand(command);
            if (chainId != block.chainid) revert WithdrawalChain(command, chainId);
            if (recipient == address(0)) revert WithdrawalRecipient(command);
            if (amount >> AMOUNT_BITS != 0) revert WithdrawalAmount(command, amount);
            // Commands strictly increase, so there are at most 2^16 amounts of 106 bits to sum.
            unchecked {
                next = uint256(command) + 1;
                withdrawn += amount;
                uint256 word = start + PublicData.COMMAND_WORDS * command;
                PublicData.put(d, word, uint256(uint160(recipient)) | (uint256(chainId) << 160));
                PublicData.put(d, word + 1, amount);
            }
            _addClaim(recipient, amount, false);
        }
    }

    /// @dev Returns the header word if it is below r.
    function _inField(uint256 field, uint256 value) private pure returns (uint256) {
        if (value >= Bn254.R) revert HeaderNotInField(field, value);
        return value;
    }
}
