// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Collateral: the deposit queue in, pull claims out.
/// @dev Amounts are micro-units of the collateral token, which has 6 decimals.
interface IVault {
    /// @notice A deposit entered the queue. Everything that a batch must repeat to consume it is here.
    /// @param index Position in the queue, from 0.
    /// @param slot Account slot, named by the depositor or assigned now.
    /// @param depositor Who paid, and who may claim if the deposit is refunded.
    /// @param ax8 First coordinate of an eighth of the owner key (BabyJubJub); the key is 8 times the point.
    /// @param ay8 Second coordinate of it.
    /// @param vx8 First coordinate of an eighth of the viewing key.
    /// @param vy8 Second coordinate of it.
    /// @param amount Micro-units.
    event Deposited(
        uint256 indexed index,
        uint24 indexed slot,
        address indexed depositor,
        uint256 ax8,
        uint256 ay8,
        uint256 vx8,
        uint256 vy8,
        uint96 amount
    );
    /// @notice A batch gave `account` a claim on `amount` micro-units: a withdrawal, or the refund of a deposit.
    event ClaimAdded(address indexed account, uint256 amount, bool refund);
    /// @notice `account` took its whole claim of `amount` micro-units to `to`.
    event Claimed(address indexed account, address indexed to, uint256 amount);

    /// @param decimals What the token has; prices and money here are counted with 6.
    error CollateralDecimals(uint8 decimals);
    /// @param expected Micro-units that the vault should hold after the transfer. @param held What it holds: the token
    ///        takes a fee, or lies.
    error CollateralMismatch(uint256 expected, uint256 held);
    /// @notice A deposit of nothing.
    error DepositOfNothing();
    /// @param slot The slot named by the depositor. @param nextSlot The first slot that was not assigned yet.
    error SlotNotAssigned(uint24 slot, uint32 nextSlot);
    /// @param last The last slot there is, already assigned.
    error SlotsExhausted(uint24 last);
    /// @param index The queue position that the batch had to consume next; what it brought does not hash to it.
    error DepositMismatch(uint256 index);
    /// @param account Who asked and has no claim.
    error NothingToClaim(address account);
    /// @param to Where a claim cannot go: nobody, or the vault itself.
    error ClaimRecipient(address to);
    /// @param requested Micro-units to leave. @param inside Micro-units that consumed deposits have brought in and that
    ///        did not leave yet: a batch that pays more is wrong, whatever its proof says.
    error WithdrawalsExceedCollateral(uint256 requested, uint256 inside);

    /// @notice Queues `amount` micro-units for an account slot and pulls them from the caller.
    /// @dev The caller must have approved the amount. The identity passes as a key here, and is refunded by the batch.
    /// @param slotOrZero A slot assigned earlier, or 0 for the next free one (slot 0 is the house).
    /// @return index Position in the queue.
    /// @return slot The slot that the deposit is for.
    function deposit(uint24 slotOrZero, uint256 ax8, uint256 ay8, uint256 vx8, uint256 vy8, uint96 amount)
        external
        returns (uint256 index, uint24 slot);

    /// @notice Pays the caller's whole claim to `to`.
    /// @return amount Micro-units paid.
    function claim(address to) external returns (uint256 amount);

    /// @notice Micro-units that `account` may claim.
    function claimable(address account) external view returns (uint256);

    /// @notice Hash of the queue entry at `index`; zero if there is none.
    function queueHash(uint256 index) external view returns (bytes32);

    /// @notice Number of deposits ever queued, and the slot that the next one without a slot will get (2^24 when all are
    ///         taken).
    function queueState() external view returns (uint40 queued, uint32 nextSlot);

    /// @notice Micro-units held for accounts (consumed deposits less withdrawals), and owed to claimants.
    function balances() external view returns (uint128 inside, uint128 owed);
}
