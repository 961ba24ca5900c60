// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Bn254} from "./Bn254.sol";

/// @title A verifying key for three public inputs: 22 words, kept as the code of an account.
/// @dev Words, points in the order of EIP-196 and EIP-197 (x, y; in G2 the imaginary part before the real one):
///      0..1 alpha (G1), 2..5 beta (G2), 6..9 gamma (G2), 10..13 delta (G2),
///      14..15 IC0 (the constant), 16..17 IC1 (of c), 18..19 IC2 (of z), 20..21 IC3 (of y).
///      Code is read at 2,600 gas plus copying, storage would cost 2,100 a word.
library Groth16Key {
    /// @param index Word of the key. @param value The word, not below the base field's modulus p.
    error KeyCoordinateNotInField(uint256 index, uint256 value);
    /// @param index First word of a G1 point that does not satisfy y^2 = x^3 + 3.
    error KeyPointNotOnCurve(uint256 index);
    /// @param index First word of a point that is the identity: it would free what it multiplies.
    error KeyPointIsIdentity(uint256 index);
    /// @param index First word of a G2 point that is the generator or its negative: a setup whose second phase was skipped.
    error KeyPointIsGenerator(uint256 index);
    /// @param first First word of one G2 point. @param second First word of another that equals it up to sign.
    error KeyPointsEqual(uint256 first, uint256 second);
    /// @param account Account whose code is not a verifying key.
    error KeyMissing(address account);
    /// @notice A G2 point of the key is not on its curve or outside the subgroup of order r.
    error KeyPointNotInSubgroup();

    uint256 internal constant WORDS = 22;
    uint256 private constant BYTES = 704;
    uint256 private constant BETA = 2;
    uint256 private constant GAMMA = 6;
    uint256 private constant DELTA = 10;
    uint256 private constant IC0 = 14;

    /// @notice Reverts unless the key is one under which a proof means something.
    /// @dev Two live verifiers were drained in 2026 because delta equalled gamma or the generator. Equality is tested up
    ///      to sign, on the x coordinates, because verifiers differ in which points they keep negated.
    function check(uint256[22] memory key) internal view {
        for (uint256 i = 0; i < WORDS; ++i) {
            if (key[i] >= Bn254.P) revert KeyCoordinateNotInField(i, key[i]);
        }
        _checkG1(key, 0);
        for (uint256 i = IC0; i < WORDS; i += 2) {
            _checkG1(key, i);
        }
        _checkG2(key, BETA);
        _checkG2(key, GAMMA);
        _checkG2(key, DELTA);
        _checkDistinct(key, GAMMA, DELTA);
        _checkDistinct(key, BETA, GAMMA);
        _checkDistinct(key, BETA, DELTA);
        _checkSubgroup(key);
    }

    /// @notice Puts the key into the code of a new account and returns it.
    function store(uint256[22] memory key) internal returns (address) {
        return address(new KeyCode(key));
    }

    /// @dev Copies the key into memory; returns the pointer to its 22 words. An account without the code of a key would
    ///      read as 22 zeros, under which the zero proof holds: hence the check of the length.
    function load(address account) internal view returns (uint256 vk) {
        if (account.code.length != BYTES + 1) revert KeyMissing(account);
        assembly ("memory-safe") {
            vk := mload(0x40)
            mstore(0x40, add(vk, BYTES))
            // One byte into the code: a STOP stands before the key.
            extcodecopy(account, vk, 1, BYTES)
        }
    }

    function _checkG1(uint256[22] memory key, uint256 i) private pure {
        (uint256 x, uint256 y) = (key[i], key[i + 1]);
        if (x == 0 && y == 0) revert KeyPointIsIdentity(i);
        uint256 cube = mulmod(x, mulmod(x, x, Bn254.P), Bn254.P);
        if (mulmod(y, y, Bn254.P) != addmod(cube, 3, Bn254.P)) revert KeyPointNotOnCurve(i);
    }

    function _checkG2(uint256[22] memory key, uint256 i) private pure {
        if ((key[i] | key[i + 1] | key[i + 2] | key[i + 3]) == 0) revert KeyPointIsIdentity(i);
        if (key[i] == Bn254.G2_X_IM && key[i + 1] == Bn254.G2_X_RE) revert KeyPointIsGenerator(i);
    }

    function _checkDistinct(uint256[22] memory key, uint256 i, uint256 j) private pure {
        if (key[i] == key[j] && key[i + 1] == key[j + 1]) revert KeyPointsEqual(i, j);
    }

    /// @dev The pairing precompile refuses a G2 point off the curve or outside the subgroup; paired with the identity of
    ///      G1 it tests nothing else.
    function _checkSubgroup(uint256[22] memory key) private view {
        uint256[18] memory pairs;
        for (uint256 i = 0; i < 4; ++i) {
            pairs[2 + i] = key[BETA + i];
            pairs[8 + i] = key[GAMMA + i];
            pairs[14 + i] = key[DELTA + i];
        }
        (bool ok, bytes memory out) = Bn254.PAIRING.staticcall(abi.encodePacked(pairs));
        if (!ok || out.length != 32) revert KeyPointNotInSubgroup();
    }
}

/// @title Account whose code is a verifying key behind a STOP, so that nobody can run it.
contract KeyCode {
    constructor(uint256[22] memory key) {
        bytes memory code = abi.encodePacked(bytes1(0x00), key);
        assembly ("memory-safe") {
            return(add(code, 0x20), mload(code))
        }
    }
}
