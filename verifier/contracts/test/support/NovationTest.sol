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
    function _batch() internal view returns (Batch memory) {
        return _batch(CIRCUIT);
    }

    function _batch(uint64 circuitId) internal view returns (Batch memory b) {
        INovation.Head memory last = novation.head();
        (uint32 number, uint40 marketsTime) = novation.lastMarkets();
        uint256 seed = uint256(keccak256(abi.encode(last.root, last.batch)));
        b.header = INovation.Header({
            circuitId: circuitId,
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
        Lanes memory lanes = _registered(circuitId);
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

    /// @dev Submits the batch with the proof that its public data deserve, so that nothing but `reason` can refuse it.
    function _refuse(Batch memory b, bytes memory reason) internal {
        _refuse(b, _prove(b), reason);
    }

    function _refuse(Batch memory b, uint256[8] memory proof, bytes memory reason) internal {
        vm.prank(operator);
        vm.expectRevert(reason);
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
    }

    /// @dev Mints, approves and deposits, with keys that are points of the curve; returns the entry, credited.
    function _deposit(address who, uint24 slot, uint96 amount) internal returns (INovation.DepositEntry memory e) {
        e = _entry(who, slot, amount);
        token.mint(who, amount);
        vm.startPrank(who);
        token.approve(address(novation), amount);
        (, e.slot) = novation.deposit(slot, e.ax8, e.ay8, e.vx8, e.vy8, amount);
        vm.stopPrank();
    }

    /// @dev Owner key: the base point of ERC-2494; viewing key: its double.
    function _entry(address who, uint24 slot, uint96 amount) internal pure returns (INovation.DepositEntry memory) {
        return INovation.DepositEntry({
            slot: slot,
            amount: amount,
            depositor: who,
            credited: true,
            ax8: 5299619240641551281634865583518297030282874472190772894086521144482721001553,
            ay8: 16950150798460657717958625567821834550301663161624707787222815936182638968203,
            vx8: 10031262171927540148667355526369034398030886437092045105752248699557385197826,
            vy8: 633281375905621697187330766174974863687049529291089048651929454608812697683
        });
    }

    /// @dev The batch with one deposit.
    function _with(Batch memory b, INovation.DepositEntry memory e) internal pure returns (Batch memory) {
        b.deposits = new INovation.DepositEntry[](1);
        b.deposits[0] = e;
        return b;
    }

    /// @dev The batch with one withdrawal.
    function _with(Batch memory b, INovation.WithdrawalEntry memory w) internal pure returns (Batch memory) {
        b.withdrawals = new INovation.WithdrawalEntry[](1);
        b.withdrawals[0] = w;
        return b;
    }

    /// @dev Deposits `amount` for alice and has a batch credit it: collateral that withdrawals can come from.
    function _fund(uint96 amount) internal {
        _submit(_with(_batch(), _deposit(alice, 0, amount)));
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
