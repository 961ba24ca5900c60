// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IVault} from "./interfaces/IVault.sol";
import {BabyJubJub} from "./libraries/BabyJubJub.sol";

/// @title Collateral of the clearing house.
/// @dev Invariant: token balance >= deposits not consumed yet + inside + owed. Tokens sent here without `deposit` make
///      it an inequality; they belong to nobody.
abstract contract Vault is IVault, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev The slot is wider than 24 bits here so that "none left" has a value: 2^24.
    struct Queue {
        uint40 length;
        uint32 nextSlot;
    }

    /// @dev One storage slot, so a batch that moves money rewrites one. uint128 holds 2^32 times the largest deposit.
    struct Balances {
        uint128 inside;
        uint128 owed;
    }

    uint8 private constant DECIMALS = 6;
    uint24 private constant LAST_SLOT = type(uint24).max;

    /// @notice The collateral token.
    IERC20 public immutable COLLATERAL;

    Queue private _queue = Queue({length: 0, nextSlot: 1});
    Balances private _balances;
    mapping(uint256 index => bytes32) private _queueHash;
    mapping(address account => uint256) private _claims;

    constructor(IERC20Metadata collateral) {
        uint8 decimals = collateral.decimals();
        if (decimals != DECIMALS) revert CollateralDecimals(decimals);
        COLLATERAL = collateral;
    }

    /// @inheritdoc IVault
    function deposit(uint24 slotOrZero, uint256 ax8, uint256 ay8, uint256 vx8, uint256 vy8, uint96 amount)
        external
        nonReentrant
        returns (uint256 index, uint24 slot)
    {
        if (amount == 0) revert DepositOfNothing();
        BabyJubJub.check(ax8, ay8);
        BabyJubJub.check(vx8, vy8);
        (index, slot) = _enqueue(slotOrZero);
        _queueHash[index] = _entryHash([index, slot, ax8, ay8, vx8, vy8, amount, uint160(msg.sender)]);
        emit Deposited(index, slot, msg.sender, ax8, ay8, vx8, vy8, amount);

        uint256 before = COLLATERAL.balanceOf(address(this));
        COLLATERAL.safeTransferFrom(msg.sender, address(this), amount);
        uint256 held = COLLATERAL.balanceOf(address(this));
        if (held != before + amount) revert CollateralMismatch(before + amount, held);
    }

    /// @inheritdoc IVault
    function claim(address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0) || to == address(this)) revert ClaimRecipient(to);
        amount = _claims[msg.sender];
        if (amount == 0) revert NothingToClaim(msg.sender);
        delete _claims[msg.sender];
        // Claims are only ever added together with `owed`, which is a uint128: the cast cannot cut.
        // forge-lint: disable-next-line(unsafe-typecast)
        _balances.owed -= uint128(amount);
        emit Claimed(msg.sender, to, amount);
        COLLATERAL.safeTransfer(to, amount);
    }

    /// @inheritdoc IVault
    function claimable(address account) external view returns (uint256) {
        return _claims[account];
    }

    /// @inheritdoc IVault
    function queueHash(uint256 index) external view returns (bytes32) {
        return _queueHash[index];
    }

    /// @inheritdoc IVault
    function queueState() external view returns (uint40 queued, uint32 nextSlot) {
        return (_queue.length, _queue.nextSlot);
    }

    /// @inheritdoc IVault
    function balances() external view returns (uint128 inside, uint128 owed) {
        return (_balances.inside, _balances.owed);
    }

    /// @dev Reverts unless this is the queue entry at position `entry[0]`; `_entryHash` has the order.
    function _matchEntry(uint256[8] memory entry) internal view {
        if (_queueHash[entry[0]] != _entryHash(entry)) revert DepositMismatch(entry[0]);
    }

    /// @dev Gives `account` a claim; the totals follow once a batch, in `_settle`.
    function _addClaim(address account, uint256 amount, bool refund) internal {
        _claims[account] += amount;
        emit ClaimAdded(account, amount, refund);
    }

    /// @dev Moves the totals of a batch, each in micro-units.
    /// @param credited Consumed deposits that the accounts got.
    /// @param refunded Consumed deposits that went back to their depositors' claims.
    /// @param withdrawn What left the accounts for claims.
    function _settle(uint256 credited, uint256 refunded, uint256 withdrawn) internal {
        if ((credited | refunded | withdrawn) == 0) return;
        Balances memory b = _balances;
        uint256 inside = b.inside + credited;
        if (withdrawn > inside) revert WithdrawalsExceedCollateral(withdrawn, inside);
        _balances = Balances({
            inside: SafeCast.toUint128(inside - withdrawn), owed: SafeCast.toUint128(b.owed + refunded + withdrawn)
        });
    }

    function _enqueue(uint24 slotOrZero) private returns (uint256 index, uint24 slot) {
        Queue memory q = _queue;
        index = q.length;
        if (slotOrZero == 0) {
            if (q.nextSlot > LAST_SLOT) revert SlotsExhausted(LAST_SLOT);
            slot = uint24(q.nextSlot);
            q.nextSlot += 1;
        } else {
            if (slotOrZero >= q.nextSlot) revert SlotNotAssigned(slotOrZero, q.nextSlot);
            slot = slotOrZero;
        }
        q.length += 1;
        _queue = q;
    }

    /// @dev keccak256(abi.encode(position, slot, ax8, ay8, vx8, vy8, amount, depositor)), without copying the words once
    ///      more. The position tells equal deposits apart.
    function _entryHash(uint256[8] memory entry) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(entry, 0x100)
        }
    }
}
