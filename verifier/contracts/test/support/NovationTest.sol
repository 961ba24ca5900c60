// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";
import {GovernanceTimelock} from "../../src/GovernanceTimelock.sol";
import {Novation} from "../../src/Novation.sol";
import {ICircuitKeys} from "../../src/interfaces/ICircuitKeys.sol";
import {INovation} from "../../src/interfaces/INovation.sol";
import {Lanes} from "../../src/libraries/PublicData.sol";
import {Batch, Batches} from "./Batches.sol";
import {TestToken} from "./TestToken.sol";
import {Trapdoor} from "./Trapdoor.sol";

/// @title A deployment with a known-trapdoor circuit, and valid batches to bend.
abstract contract NovationTest is Test {
    uint64 internal constant CIRCUIT = (1 << 32) | 8;
    uint256 internal constant GENESIS = 0x6e6f766174696f6e;
    uint256 internal constant MARKETS = 0x6d61726b657473;
    uint40 internal constant START = 1_767_225_600;

    address internal operator = makeAddr("operator");
    address internal oracle = makeAddr("oracle");
    address internal governor = makeAddr("governor");
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");

    TestToken internal token;
    GovernanceTimelock internal timelock;
    Novation internal novation;
    /// @dev What the chain keeps only the hash of.
    mapping(uint32 number => uint256) internal marketsRoots;

    function setUp() public virtual {
        vm.warp(START);
        token = new TestToken();
        timelock = _timelock();
        ICircuitKeys.KeySpec[] memory keys = new ICircuitKeys.KeySpec[](1);
        keys[0] = _spec(CIRCUIT, _lanes());
        novation = new Novation(token, timelock, operator, oracle, GENESIS, keys);
        _submitMarkets(1, MARKETS, START);
    }

    /// @dev Lanes of the demo size.
    function _lanes() internal pure virtual returns (Lanes memory) {
        return Lanes({accounts: 8, deposits: 4, commands: 4});
    }

    function _timelock() internal returns (GovernanceTimelock) {
        address[] memory who = new address[](1);
        who[0] = governor;
        return new GovernanceTimelock(who, who);
    }

    function _spec(uint64 circuitId, Lanes memory lanes) internal view returns (ICircuitKeys.KeySpec memory) {
        return
            ICircuitKeys.KeySpec({
                circuitId: circuitId, activeUntil: START + 3650 days, lanes: lanes, key: Trapdoor.key()
            });
    }

    function _submitMarkets(uint32 number, uint256 root, uint40 time) internal {
        marketsRoots[number] = root;
        vm.prank(oracle);
        novation.submitMarkets(number, root, time, new uint32[](0), new uint256[](0));
    }

    /// @dev A valid batch after the current head, without windows, deposits and withdrawals.
    function _batch() internal view returns (Batch memory b) {
        INovation.Head memory last = novation.head();
        (uint32 number, uint40 marketsTime) = novation.lastMarkets();
        uint256 seed = uint256(keccak256(abi.encode(last.root, last.batch)));
        b.header = INovation.Header({
            circuitId: CIRCUIT,
            batch: last.batch + 1,
            marketsNumber: number,
            marketsTime: marketsTime,
            marketsRoot: marketsRoots[number],
            time: uint40(block.timestamp),
            windowFirst: last.windowLast + 1,
            windowLast: last.windowLast,
            logLast: last.logLast,
            newRoot: Batches.element(seed, 1),
            logRoot: Batches.element(seed, 2),
            rx: Batches.element(seed, 3),
            ry: Batches.element(seed, 4),
            c: Batches.element(seed, 5)
        });
        Lanes memory lanes = _registered(CIRCUIT);
        b.body = new uint256[](10 * uint256(lanes.accounts) + 4);
        for (uint256 i = 0; i < b.body.length; ++i) {
            bool isSlot = i % 10 == 0 && i < 10 * uint256(lanes.accounts);
            b.body[i] = isSlot ? 100 + i : Batches.element(seed, 100 + i);
        }
    }

    /// @dev D as the contract must see it now.
    function _words(Batch memory b) internal view returns (uint256[] memory) {
        return Batches.words(b, _registered(b.header.circuitId), novation.DEPLOYMENT_ID(), novation.head());
    }

    /// @dev A proof that the batch's public data deserve.
    function _prove(Batch memory b) internal view returns (uint256[8] memory) {
        (uint256 z, uint256 y) = Batches.challenge(_words(b), b.header.c);
        return Trapdoor.prove(0xa11ce, b.header.c, z, y);
    }

    function _submit(Batch memory b) internal {
        _submit(b, _prove(b));
    }

    function _submit(Batch memory b, uint256[8] memory proof) internal {
        vm.prank(operator);
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
    }

    function _registered(uint64 circuitId) internal view returns (Lanes memory) {
        ICircuitKeys.CircuitKey memory k = novation.circuitKey(circuitId);
        return Lanes({accounts: k.accounts, deposits: k.deposits, commands: k.commands});
    }

    /// @dev Mints, approves and deposits; keys are the identity, which the vault lets through.
    function _deposit(address who, uint24 slot, uint96 amount) internal returns (INovation.DepositEntry memory entry) {
        token.mint(who, amount);
        vm.startPrank(who);
        token.approve(address(novation), amount);
        (, uint24 assigned) = novation.deposit(slot, 0, 1, 0, 1, amount);
        vm.stopPrank();
        return INovation.DepositEntry({
            slot: assigned, amount: amount, depositor: who, credited: true, ax8: 0, ay8: 1, vx8: 0, vy8: 1
        });
    }

    function _withdrawal(uint16 command, address recipient, uint256 amount)
        internal
        view
        returns (INovation.WithdrawalEntry memory)
    {
        return INovation.WithdrawalEntry({
            command: command, chainId: uint64(block.chainid), recipient: recipient, amount: amount
        });
    }
}
