// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ICircuitKeys} from "../src/interfaces/ICircuitKeys.sol";
import {INovation} from "../src/interfaces/INovation.sol";
import {Lanes, PublicData} from "../src/libraries/PublicData.sol";
import {Batch} from "./support/Batches.sol";
import {NovationTest} from "./support/NovationTest.sol";

/// @title Gas of `submitBatch` by part: below the project's marks, and equal to the committed gas.json.
/// @dev Everything is gas of a whole transaction (`isolate` in foundry.toml) less its calldata at 4 and 16 a byte. The
///      parts are measured against each other from one state in which no storage slot of the head is written for the
///      first time. `.ci/contracts.sh --write` sets WRITE_GAS, and gas.json then takes what is measured.
contract GasTest is NovationTest {
    uint64 private constant LARGE = (1 << 32) | 3;
    uint64 private constant ACCOUNTS = (1 << 32) | 4;
    string private constant FILE = "./gas.json";
    /// @dev What a word of the public data is charged with when the fixed part is told from the words.
    uint256 private constant WORD_MARK = 60;

    string private json;

    function setUp() public override {
        super.setUp();
        ICircuitKeys.KeySpec memory large = _spec(LARGE, _largeLanes());
        ICircuitKeys.KeySpec memory accounts = _spec(ACCOUNTS, Lanes({accounts: 64, deposits: 4, commands: 2}));
        vm.startPrank(address(timelock));
        novation.registerKey(large);
        novation.registerKey(accounts);
        vm.stopPrank();
    }

    /// @dev The demo size of the batch circuit.
    function _lanes() internal pure override returns (Lanes memory) {
        return Lanes({accounts: 8, deposits: 4, commands: 2});
    }

    /// @dev The large size.
    function _largeLanes() private pure returns (Lanes memory) {
        return Lanes({accounts: 64, deposits: 16, commands: 16});
    }

    function test_gas_is_below_its_marks_and_as_committed() public {
        INovation.DepositEntry memory first = _deposit(alice, 0, 100e6);
        INovation.DepositEntry memory second = _deposit(bob, 0, 100e6);
        INovation.DepositEntry memory third = _deposit(bob, 0, 100e6);
        _submit(_with(_batch(), first));

        uint256 plain = _gas(_batch());
        uint256 money = _gas(_withdrawals(1)) - plain;
        uint256 withdrawal = _gas(_withdrawals(2)) - _gas(_withdrawals(1));
        uint256 deposit = _gas(_deposits(second, third, true)) - _gas(_with(_batch(), second));
        uint256 refund = _gas(_deposits(second, third, false)) - _gas(_with(_batch(), second));
        uint256 blank = _gas(_blank(CIRCUIT));
        uint256 words = PublicData.length(_largeLanes()) - PublicData.length(_lanes());
        uint256 word = _perWord(_gas(_blank(LARGE)) - blank, words);
        uint256 accountWord = _perWord(_gas(_blank(ACCOUNTS)) - blank, 56 * PublicData.ACCOUNT_WORDS);

        _record("batch_fixed", plain - WORD_MARK * PublicData.length(_lanes()), 250_000);
        // From the demo size to the large one; of account words alone, which are the dearest, for information.
        _record("word", word, 60);
        _record("account_word", accountWord, 70);
        _record("deposit", deposit, 3_000);
        _record("withdrawal", withdrawal, 25_000);
        // Beyond the marks: once in a batch that moves money, the slot of the totals and commands that are not a run of
        // zeros; a refund's new claim.
        _record("totals", money - withdrawal, 6_200);
        json = _record("refund", refund, 27_000);
        if (vm.envOr("WRITE_GAS", false)) vm.writeJson(json, FILE);
    }

    function test_largest_circuit_stays_below_what_a_transaction_may_use() public {
        // All of MAX_WORDS in accounts: the most that calldata can cost.
        uint16 accounts = uint16((novation.MAX_WORDS() - 17 - 12 - 4) / 10);
        Lanes memory lanes = Lanes({accounts: accounts, deposits: 1, commands: 1});
        ICircuitKeys.KeySpec memory spec = _spec(7, lanes);
        vm.prank(address(timelock));
        novation.registerKey(spec);
        Batch memory b = _batch(7);
        uint256[8] memory proof = _prove(b);
        vm.prank(operator);
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
        uint256 execution = vm.lastCallGas().gasTotalUsed;
        // EIP-7623: whichever is more, execution with calldata at 4/16 or the floor at 10/40.
        bytes memory input = _input(b, proof);
        uint256 floor = 21_000;
        for (uint256 i = 0; i < input.length; ++i) {
            floor += input[i] == 0 ? 10 : 40;
        }
        assertLt(execution > floor ? execution : floor, 1 << 24, "EIP-7825");
    }

    function test_keys_of_a_circuit_are_one_storage_slot() public view {
        // The fixed part rests on it: one cold read for key account, lanes and expiry.
        ICircuitKeys.CircuitKey memory k = novation.circuitKey(CIRCUIT);
        assertEq(uint256(k.accounts) + k.deposits + k.commands, 14);
        assertEq(k.code.code.length, 705);
    }

    /// @dev Gas of the transaction without its calldata; the state is put back.
    function _gas(Batch memory b) private returns (uint256 total) {
        uint256 snapshot = vm.snapshotState();
        uint256[8] memory proof = _prove(b);
        vm.prank(operator);
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
        total = vm.lastCallGas().gasTotalUsed;
        bytes memory input = _input(b, proof);
        for (uint256 i = 0; i < input.length; ++i) {
            total -= input[i] == 0 ? 4 : 16;
        }
        vm.revertToState(snapshot);
    }

    function _input(Batch memory b, uint256[8] memory proof) private pure returns (bytes memory) {
        return abi.encodeCall(INovation.submitBatch, (b.header, proof, b.deposits, b.withdrawals, b.body));
    }

    function _deposits(INovation.DepositEntry memory first, INovation.DepositEntry memory second, bool credited)
        private
        view
        returns (Batch memory b)
    {
        b = _batch();
        b.deposits = new INovation.DepositEntry[](2);
        b.deposits[0] = first;
        b.deposits[1] = second;
        b.deposits[1].credited = credited;
    }

    /// @dev Each to somebody who never had a claim: a new storage slot.
    function _withdrawals(uint16 count) private view returns (Batch memory b) {
        b = _batch();
        b.withdrawals = new INovation.WithdrawalEntry[](count);
        for (uint16 i = 0; i < count; ++i) {
            b.withdrawals[i] = _withdrawal(i, address(uint160(0xca401) + i), 5e6);
        }
    }

    /// @dev A batch whose body is zeros, which cost as much to evaluate and least to send: from 8 kB of other words on,
    ///      EIP-7623's floor for calldata would be all that one sees.
    function _blank(uint64 circuitId) private view returns (Batch memory b) {
        b = _batch(circuitId);
        b.body = new uint256[](b.body.length);
    }

    function _perWord(uint256 gas, uint256 words) private pure returns (uint256) {
        return (gas + words - 1) / words;
    }

    function _record(string memory part, uint256 gas, uint256 mark) private returns (string memory) {
        emit log_named_uint(part, gas);
        if (gas > mark) {
            emit log_named_uint("  more than its mark", mark);
            fail();
        }
        if (!vm.envOr("WRITE_GAS", false)) {
            assertEq(gas, vm.parseJsonUint(vm.readFile(FILE), string.concat(".", part)), "gas.json is stale: --write");
        }
        return vm.serializeUint("gas", part, gas);
    }
}
