// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Test} from "forge-std/Test.sol";
import {Vault} from "../../src/Vault.sol";
import {TestToken} from "../support/TestToken.sol";

/// @dev The vault with the doors that `submitBatch` uses.
contract OpenVault is Vault {
    constructor(IERC20Metadata collateral) Vault(collateral) {}

    function matchEntry(uint256[8] memory entry) external view {
        _matchEntry(entry);
    }

    function addClaim(address account, uint256 amount) external {
        _addClaim(account, amount, false);
    }

    function settle(uint256 credited, uint256 refunded, uint256 withdrawn) external {
        _settle(credited, refunded, withdrawn);
    }
}

/// @title The vault for all inputs at once, by halmos: every `check_` is a theorem about any argument, not a sample.
/// @dev Keys are fixed to the identity, since nothing here depends on them and the curve's equation is hard for a solver;
///      `Vault.t.sol` fuzzes them. keccak256 is taken to be injective.
contract VaultSymbolicTest is Test {
    TestToken private token;
    OpenVault private vault;

    function setUp() public {
        token = new TestToken();
        vault = new OpenVault(token);
    }

    /// A deposit puts the hash of its own fields at the queue's end, brings its amount, and touches nothing else.
    function check_deposit_queues_its_own_hash(address who, uint96 amount, uint96 other) public {
        _mayDeposit(who, amount);
        vm.assume(other > 0);
        _deposit(address(0xa11ce), other, 0);
        bytes32 before = vault.queueHash(0);

        (uint256 index, uint24 slot) = _deposit(who, amount, 0);

        assert(index == 1 && slot == 2);
        assert(vault.queueHash(1) == _hash(1, 2, amount, who));
        assert(vault.queueHash(0) == before);
        (uint40 queued, uint32 nextSlot) = vault.queueState();
        assert(queued == 2 && nextSlot == 3);
        assert(token.balanceOf(address(vault)) == uint256(amount) + other);
        (uint128 inside, uint128 owed) = vault.balances();
        assert(inside == 0 && owed == 0);
    }

    /// A deposit for a named slot is accepted for exactly the slots that were assigned.
    function check_deposit_names_assigned_slots_only(uint24 slot, uint96 amount) public {
        _mayDeposit(address(0xb0b), amount);
        vm.assume(slot != 0);
        _deposit(address(0xa11ce), 1, 0);
        token.mint(address(0xb0b), amount);
        vm.startPrank(address(0xb0b));
        token.approve(address(vault), amount);
        try vault.deposit(slot, 0, 1, 0, 1, amount) returns (uint256 index, uint24 assigned) {
            assert(slot == 1 && assigned == 1 && index == 1);
        } catch {
            assert(slot > 1);
        }
        vm.stopPrank();
    }

    /// Whatever matches the queue is the stored entry, word for word: no other depositor, amount, slot or key, no wider
    /// word, no other position.
    function check_only_the_stored_entry_matches(address who, uint96 amount, uint256[8] calldata entry) public {
        _mayDeposit(who, amount);
        _deposit(who, amount, 0);
        try vault.matchEntry(entry) {
            assert(entry[0] == 0 && entry[1] == 1);
            assert(entry[2] == 0 && entry[3] == 1 && entry[4] == 0 && entry[5] == 1);
            assert(entry[6] == amount && entry[7] == uint160(who));
        } catch {
            bool same = entry[0] == 0 && entry[1] == 1 && entry[2] == 0 && entry[3] == 1 && entry[4] == 0
                && entry[5] == 1 && entry[6] == amount && entry[7] == uint160(who);
            assert(!same);
        }
    }

    /// `inside` moves by credited less withdrawn, `owed` by refunded plus withdrawn, or the batch reverts: nothing wraps,
    /// and no batch pays out more than consumed deposits have brought in.
    function check_settle_never_wraps(
        uint128 inside,
        uint128 owed,
        uint256 credited,
        uint256 refunded,
        uint256 withdrawn
    ) public {
        vault.settle(inside, owed, 0);
        try vault.settle(credited, refunded, withdrawn) {
            (uint128 insideAfter, uint128 owedAfter) = vault.balances();
            assert(credited <= type(uint256).max - inside);
            assert(withdrawn <= inside + credited);
            assert(insideAfter == inside + credited - withdrawn);
            assert(refunded <= type(uint256).max - owed && withdrawn <= type(uint256).max - owed - refunded);
            assert(owedAfter == owed + refunded + withdrawn);
        } catch {
            (uint128 insideAfter, uint128 owedAfter) = vault.balances();
            assert(insideAfter == inside && owedAfter == owed);
        }
    }

    /// What was booked is paid to its owner, whole, and once, although the vault holds more; to everybody else nothing.
    function check_claim_is_paid_once_and_as_booked(address owner, address stranger, address to, uint96 amount) public {
        address third = address(0x7412d);
        vm.assume(owner != stranger && owner != third && stranger != third && owner != address(0));
        vm.assume(to != address(0) && to != address(vault) && amount > 0);
        _book(owner, amount);
        _book(third, type(uint96).max);
        uint256 before = token.balanceOf(to);

        vm.prank(stranger);
        (bool ok,) = address(vault).call(abi.encodeCall(vault.claim, (to)));
        assert(!ok);

        vm.prank(owner);
        assert(vault.claim(to) == amount);
        assert(token.balanceOf(to) == before + amount);

        vm.prank(owner);
        (ok,) = address(vault).call(abi.encodeCall(vault.claim, (to)));
        assert(!ok);
        assert(vault.claimable(owner) == 0 && vault.claimable(third) == type(uint96).max);
        assert(token.balanceOf(to) == before + amount);
        assert(token.balanceOf(address(vault)) == type(uint96).max);
        (uint128 inside, uint128 owed) = vault.balances();
        assert(inside == 0 && owed == type(uint96).max);
    }

    /// One claim leaves every other untouched, and two never pay more than was booked.
    function check_claims_are_apart(address ann, address ben, uint96 a, uint96 b) public {
        vm.assume(ann != ben && ann != address(vault) && ben != address(vault));
        vm.assume(ann != address(0) && ben != address(0) && a > 0 && b > 0);
        _book(ann, a);
        _book(ben, b);
        vm.prank(ann);
        vault.claim(ann);
        assert(vault.claimable(ann) == 0 && vault.claimable(ben) == b);
        assert(token.balanceOf(address(vault)) == b);
        (, uint128 owed) = vault.balances();
        assert(owed == b);
        vm.prank(ben);
        vault.claim(ben);
        assert(token.balanceOf(ann) == a && token.balanceOf(ben) == b);
        assert(token.balanceOf(address(vault)) == 0);
    }

    /// @dev A claim with the tokens behind it, as a batch that consumes a deposit and pays a withdrawal leaves it.
    function _book(address owner, uint96 amount) private {
        token.mint(address(vault), amount);
        vault.addClaim(owner, amount);
        vault.settle(amount, 0, amount);
    }

    function _mayDeposit(address who, uint96 amount) private view {
        vm.assume(who != address(0) && who != address(vault) && who != address(0xa11ce) && amount > 0);
    }

    function _deposit(address who, uint96 amount, uint24 slotOrZero) private returns (uint256 index, uint24 slot) {
        token.mint(who, amount);
        vm.startPrank(who);
        token.approve(address(vault), amount);
        (index, slot) = vault.deposit(slotOrZero, 0, 1, 0, 1, amount);
        vm.stopPrank();
    }

    function _hash(uint256 index, uint256 slot, uint96 amount, address who) private pure returns (bytes32) {
        return keccak256(abi.encode(index, slot, uint256(0), uint256(1), uint256(0), uint256(1), amount, who));
    }
}
