// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Bn254} from "./Bn254.sol";
import {Groth16Key} from "./Groth16Key.sol";

/// @title Groth16 over BN254 with the three public inputs c, z, y (Groth, EUROCRYPT 2016; precompiles of EIP-196, 197).
/// @dev The statement is e(-A, B) * e(alpha, beta) * e(L, gamma) * e(C, delta) = 1 with
///      L = IC0 + c*IC1 + z*IC2 + y*IC3. Nothing here returns a verdict: a false proof reverts, because a caller that
///      reads a boolean lets gas estimation settle on an amount where the pairing runs dry and the call "succeeds".
library Groth16Verifier {
    /// @param index Which of the eight words of the proof: A.x, A.y, B.x.im, B.x.re, B.y.im, B.y.re, C.x, C.y.
    /// @param value The word, not below the base field's modulus p.
    error ProofCoordinateNotInField(uint256 index, uint256 value);
    /// @param index Which public input: 0 is c, 1 is z, 2 is y.
    /// @param value The input, not below the scalar field's modulus r.
    error PublicInputNotInField(uint256 index, uint256 value);
    /// @param precompile The curve precompile that failed: a point off its curve or subgroup, or too little gas.
    error PrecompileFailed(address precompile);
    /// @param z The challenge that the contract derived from the public data; compare it with the prover's.
    /// @param y The evaluation of the public data at z.
    error ProofRejected(uint256 z, uint256 y);

    /// @notice Returns if the proof holds for (c, z, y) under the key, and reverts otherwise.
    /// @param key Account whose code is the verifying key (see Groth16Key).
    /// @param proof A.x, A.y, B.x.im, B.x.re, B.y.im, B.y.re, C.x, C.y: the order of EIP-197.
    function verify(address key, uint256[8] calldata proof, uint256 c, uint256 z, uint256 y) internal view {
        _checkCoordinates(proof);
        if (c >= Bn254.R) revert PublicInputNotInField(0, c);
        if (z >= Bn254.R) revert PublicInputNotInField(1, z);
        if (y >= Bn254.R) revert PublicInputNotInField(2, y);

        uint256 vk = Groth16Key.load(key);
        uint256 pairs;
        assembly ("memory-safe") {
            // 24 words: four pairs of a G1 and a G2 point.
            pairs := mload(0x40)
            mstore(0x40, add(pairs, 0x300))
        }
        _sumInputs(vk, pairs, c, z, y);
        bool ok;
        assembly ("memory-safe") {
            // Pair 0 holds L already; gamma completes it.
            mcopy(add(pairs, 0x40), add(vk, 0xc0), 0x80)
            // Pair 1: alpha and beta lie together in the key.
            mcopy(add(pairs, 0xc0), vk, 0xc0)
            // Pair 2: C from the proof, delta from the key.
            calldatacopy(add(pairs, 0x180), add(proof, 0xc0), 0x40)
            mcopy(add(pairs, 0x1c0), add(vk, 0x140), 0x80)
            // Pair 3: A and B lie together in the proof; the sign goes on A. The modulus is for y = 0, the point at infinity.
            calldatacopy(add(pairs, 0x240), proof, 0xc0)
            let ay := add(pairs, 0x260)
            mstore(ay, mod(sub(P, mload(ay)), P))
            ok := staticcall(gas(), 8, pairs, 0x300, 0x00, 0x20)
            // Exactly one word comes back; anything else is no verdict.
            ok := and(ok, eq(returndatasize(), 0x20))
        }
        if (!ok) revert PrecompileFailed(Bn254.PAIRING);
        uint256 one;
        assembly ("memory-safe") {
            one := mload(0x00)
        }
        if (one != 1) revert ProofRejected(z, y);
    }

    /// @dev Modulus p once more: assembly takes constants of its own library only.
    uint256 private constant P = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    uint256 private constant P_MINUS_1 = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd46;

    /// @dev One test of all eight; which one it was is looked up only when there is one.
    function _checkCoordinates(uint256[8] calldata proof) private pure {
        uint256 bad;
        assembly ("memory-safe") {
            bad := gt(calldataload(proof), P_MINUS_1)
            bad := or(bad, gt(calldataload(add(proof, 0x20)), P_MINUS_1))
            bad := or(bad, gt(calldataload(add(proof, 0x40)), P_MINUS_1))
            bad := or(bad, gt(calldataload(add(proof, 0x60)), P_MINUS_1))
            bad := or(bad, gt(calldataload(add(proof, 0x80)), P_MINUS_1))
            bad := or(bad, gt(calldataload(add(proof, 0xa0)), P_MINUS_1))
            bad := or(bad, gt(calldataload(add(proof, 0xc0)), P_MINUS_1))
            bad := or(bad, gt(calldataload(add(proof, 0xe0)), P_MINUS_1))
        }
        if (bad == 0) return;
        for (uint256 i = 0; i < 8; ++i) {
            if (proof[i] >= Bn254.P) revert ProofCoordinateNotInField(i, proof[i]);
        }
    }

    /// @dev Writes L = IC0 + c*IC1 + z*IC2 + y*IC3 to `out` (two words). Uses the four words after it as scratch.
    function _sumInputs(uint256 vk, uint256 out, uint256 c, uint256 z, uint256 y) private view {
        bool mulOk;
        bool addOk;
        assembly ("memory-safe") {
            // ecMul(point, scalar) -> out + 0x40, then ecAdd(out, out + 0x40) -> out. A failure is only remembered:
            // the sum is used after the check alone.
            function step(point, scalar, sum) -> m, a {
                let term := add(sum, 0x40)
                mcopy(term, point, 0x40)
                mstore(add(term, 0x40), scalar)
                m := staticcall(gas(), 7, term, 0x60, term, 0x40)
                a := staticcall(gas(), 6, sum, 0x80, sum, 0x40)
            }
            mcopy(out, add(vk, 0x1c0), 0x40)
            mulOk, addOk := step(add(vk, 0x200), c, out)
            let m, a := step(add(vk, 0x240), z, out)
            mulOk := and(mulOk, m)
            addOk := and(addOk, a)
            m, a := step(add(vk, 0x280), y, out)
            mulOk := and(mulOk, m)
            addOk := and(addOk, a)
        }
        if (!mulOk) revert PrecompileFailed(Bn254.EC_MUL);
        if (!addOk) revert PrecompileFailed(Bn254.EC_ADD);
    }
}
