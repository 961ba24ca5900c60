// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {INovation} from "../../src/interfaces/INovation.sol";
import {Novation} from "../../src/Novation.sol";
import {Bn254} from "../../src/libraries/Bn254.sol";
import {Lanes} from "../../src/libraries/PublicData.sol";
import {Trapdoor} from "./Trapdoor.sol";

/// @dev Arguments of a `submitBatch` call.
struct Batch {
    INovation.Header header;
    INovation.DepositEntry[] deposits;
    INovation.WithdrawalEntry[] withdrawals;
    uint256[] body;
}

/// @title The public data once more, written plainly from the table in README.md and sharing no code with the contract.
library Batches {
    uint256 internal constant R = Bn254.R;

    /// @dev D from the call's arguments and from what the contract had stored before.
    function words(Batch memory b, Lanes memory lanes, uint256 deploymentId, INovation.Head memory before)
        internal
        pure
        returns (uint256[] memory)
    {
        INovation.Header memory h = b.header;
        bytes memory d = abi.encodePacked(
            deploymentId,
            uint256(h.circuitId),
            uint256(h.batch),
            before.root,
            h.newRoot,
            uint256(h.marketsNumber),
            h.marketsRoot,
            uint256(h.time),
            uint256(h.windowFirst)
        );
        d = abi.encodePacked(
            d,
            uint256(h.windowLast),
            h.logRoot,
            uint256(before.logLast) + 1,
            uint256(h.logLast),
            h.rx,
            h.ry,
            uint256(before.depositsConsumed),
            b.deposits.length
        );
        return toWords(abi.encodePacked(d, depositWords(b, lanes), commandWords(b, lanes), b.body));
    }

    function depositWords(Batch memory b, Lanes memory lanes) internal pure returns (bytes memory d) {
        for (uint256 i = 0; i < lanes.deposits; ++i) {
            if (i < b.deposits.length) {
                INovation.DepositEntry memory e = b.deposits[i];
                uint256 info = uint256(e.slot) + uint256(e.amount) * 2 ** 24;
                info += (e.credited ? 2 ** 120 : 0) + 2 ** 121;
                d = abi.encodePacked(d, e.ax8, e.ay8, e.vx8, e.vy8, info);
            } else {
                d = abi.encodePacked(d, uint256(0), uint256(0), uint256(0), uint256(0), uint256(0));
            }
        }
    }

    function commandWords(Batch memory b, Lanes memory lanes) internal pure returns (bytes memory d) {
        uint256[] memory out = new uint256[](2 * uint256(lanes.commands));
        for (uint256 i = 0; i < b.withdrawals.length; ++i) {
            INovation.WithdrawalEntry memory w = b.withdrawals[i];
            out[2 * w.command] = uint256(uint160(w.recipient)) + uint256(w.chainId) * 2 ** 160;
            out[2 * w.command + 1] = w.amount;
        }
        return abi.encodePacked(out);
    }

    /// @dev z and y by the definition: a hash, and a sum of powers from the front.
    function challenge(uint256[] memory d, uint256 c) internal pure returns (uint256 z, uint256 y) {
        z = uint256(keccak256(abi.encodePacked(d, c))) % R;
        uint256 power = 1;
        for (uint256 i = 0; i < d.length; ++i) {
            y = addmod(y, mulmod(d[i], power, R), R);
            power = mulmod(power, z, R);
        }
    }

    function toWords(bytes memory packed) internal pure returns (uint256[] memory out) {
        require(packed.length % 32 == 0, "Batches: not whole words");
        out = new uint256[](packed.length / 32);
        for (uint256 i = 0; i < out.length; ++i) {
            uint256 word;
            assembly ("memory-safe") {
                word := mload(add(add(packed, 0x20), mul(i, 0x20)))
            }
            out[i] = word;
        }
    }

    /// @dev A word below r that follows from a seed.
    function element(uint256 seed, uint256 index) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("element", seed, index))) % R;
    }
}
