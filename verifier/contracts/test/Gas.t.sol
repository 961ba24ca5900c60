// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {INovation} from "../src/interfaces/INovation.sol";
import {ICircuitKeys} from "../src/interfaces/ICircuitKeys.sol";
import {Lanes} from "../src/libraries/PublicData.sol";
import {Batch} from "./support/Batches.sol";
import {NovationTest} from "./support/NovationTest.sol";
import {console} from "forge-std/console.sol";
import {Novation} from "../src/Novation.sol";

contract GasTest is NovationTest {
    function _gas(Batch memory b) internal returns (uint256 total, uint256 data) {
        uint256[8] memory proof = _prove(b);
        vm.prank(operator);
        novation.submitBatch(b.header, proof, b.deposits, b.withdrawals, b.body);
        total = vm.lastCallGas().gasTotalUsed;
        bytes memory input = abi.encodeCall(INovation.submitBatch, (b.header, proof, b.deposits, b.withdrawals, b.body));
        for (uint256 i = 0; i < input.length; ++i) {
            data += input[i] == 0 ? 4 : 16;
        }
    }

    function test_x() public {
        _deposit(alice, 0, 100e6);
        Batch memory b = _batch();
        (uint256 t, uint256 d) = _gas(b);
        console.log("first", t, d);
        b = _batch();
        (t, d) = _gas(b);
        uint256 words = 80 + 4 + 17 + 28;
        console.log("second", t, d, words);
        console.log("fixed", t - d - 60 * words);
    }
}
