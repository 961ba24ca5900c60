// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @dev Sizes of a batch circuit's lanes: how many entries of each kind its public data has room for.
struct Lanes {
    uint16 accounts;
    uint16 deposits;
    uint16 commands;
}

/// @title The public data D of a batch: one vector of words below r, in one order.
/// @dev Order (README.md has the table): 17 header words, 5 a deposit, 2 a command, 10 an account entry, 4 for the house.
///      The vector lies in memory as a Solidity array with one more element, in which c follows D, so that the hash and
///      the evaluation run over the same bytes.
library PublicData {
    /// @param index Word of D. @param word The word, not below r.
    error WordNotInField(uint256 index, uint256 word);
    /// @param entry Account entry of the batch. @param slot Its slot word, wider than 24 bits.
    error AccountSlotTooWide(uint256 entry, uint256 slot);
    /// @param given Words of accounts and house in calldata. @param expected What the circuit's lanes need.
    error BodyLength(uint256 given, uint256 expected);

    uint256 internal constant DEPLOYMENT_ID = 0;
    uint256 internal constant CIRCUIT_ID = 1;
    uint256 internal constant BATCH = 2;
    uint256 internal constant OLD_ROOT = 3;
    uint256 internal constant NEW_ROOT = 4;
    uint256 internal constant MARKETS_NUMBER = 5;
    uint256 internal constant MARKETS_ROOT = 6;
    uint256 internal constant TIME = 7;
    uint256 internal constant WINDOW_FIRST = 8;
    uint256 internal constant WINDOW_LAST = 9;
    uint256 internal constant LOG_ROOT = 10;
    uint256 internal constant LOG_FIRST = 11;
    uint256 internal constant LOG_LAST = 12;
    uint256 internal constant R_X = 13;
    uint256 internal constant R_Y = 14;
    uint256 internal constant DEPOSIT_FIRST = 15;
    uint256 internal constant DEPOSIT_COUNT = 16;

    uint256 internal constant HEADER_WORDS = 17;
    uint256 internal constant DEPOSIT_WORDS = 5;
    uint256 internal constant COMMAND_WORDS = 2;
    uint256 internal constant ACCOUNT_WORDS = 10;
    uint256 internal constant HOUSE_WORDS = 4;

    /// @dev Scalar field modulus r, repeated because assembly takes constants of its own library only.
    uint256 private constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    uint256 private constant R_MINUS_1 = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000000;
    uint256 private constant MAX_SLOT = 0xffffff;

    // The sizes below are sums of three 16-bit lanes times at most 10 words: nothing to overflow.

    /// @notice Words of D for a circuit with these lanes.
    function length(Lanes memory lanes) internal pure returns (uint256) {
        unchecked {
            return bodyStart(lanes) + bodyLength(lanes);
        }
    }

    /// @notice Index of the first account word: everything before is written by the contract itself.
    function bodyStart(Lanes memory lanes) internal pure returns (uint256) {
        unchecked {
            return commandsStart(lanes) + COMMAND_WORDS * lanes.commands;
        }
    }

    /// @notice Index of the first word of the commands lane.
    function commandsStart(Lanes memory lanes) internal pure returns (uint256) {
        unchecked {
            return HEADER_WORDS + DEPOSIT_WORDS * lanes.deposits;
        }
    }

    /// @notice Words of accounts and house, which come in calldata as they are.
    function bodyLength(Lanes memory lanes) internal pure returns (uint256) {
        unchecked {
            return ACCOUNT_WORDS * lanes.accounts + HOUSE_WORDS;
        }
    }

    /// @notice Zeroed vector with room for c, the body copied in and its length checked.
    /// @dev The body's words are checked against r by `challenge`, in the pass that evaluates them.
    function allocate(Lanes memory lanes, uint256[] calldata body) internal pure returns (uint256[] memory d) {
        uint256 start = bodyStart(lanes);
        uint256 expected = bodyLength(lanes);
        if (body.length != expected) revert BodyLength(body.length, expected);
        uint256 elements = start + expected + 1;
        assembly ("memory-safe") {
            d := mload(0x40)
            let first := add(d, 0x20)
            mstore(0x40, add(first, shl(5, elements)))
            mstore(d, elements)
            // Reading past the end of calldata gives zeros: the lanes that stay empty.
            calldatacopy(first, calldatasize(), shl(5, start))
            calldatacopy(add(first, shl(5, start)), body.offset, shl(5, expected))
        }
    }

    /// @notice Sets word `index` of D.
    /// @dev Without the bounds check of `d[index]`, which costs more than the write: every caller's index lies below
    ///      `length(lanes)` by the definition of the lanes.
    function put(uint256[] memory d, uint256 index, uint256 word) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(d, 0x20), shl(5, index)), word)
        }
    }

    /// @notice z = keccak256(D, c) mod r and y = sum of D_i * z^i, after checking the words that came from calldata.
    /// @dev Horner's rule from the last word to the first. mulmod reduces all of y and both summands are below
    ///      r < 2^254, so the plain sum cannot wrap; were a word not below r, `bad` would refuse the batch whatever y is.
    ///      Unrolled, because the loop around a word would cost as much as the word.
    /// @param d D with room for c. The words before the body must be below r: their writers see to that.
    /// @param c The commitment, for the hash alone: whoever verifies the proof checks it.
    /// @param deposits Entries of the deposits lane in use; the words of the others are zero.
    /// @param withdrawals Entries of the commands lane in use; if there are none, its words are zero.
    /// @return z The challenge: fixed only now, when D and c are.
    /// @return y The evaluation that the circuit proves.
    function challenge(uint256[] memory d, Lanes memory lanes, uint256 c, uint256 deposits, uint256 withdrawals)
        internal
        pure
        returns (uint256 z, uint256 y)
    {
        uint256 start = bodyStart(lanes);
        uint256 bad;
        assembly ("memory-safe") {
            let first := add(d, 0x20)
            let body := add(first, shl(5, start))
            let p := add(d, shl(5, mload(d)))
            mstore(p, c)
            z := mod(keccak256(first, shl(5, mload(d))), R)

            // The house: the four words before c.
            p := sub(p, 0x80)
            {
                let w0 := mload(p)
                let w1 := mload(add(p, 0x20))
                let w2 := mload(add(p, 0x40))
                let w3 := mload(add(p, 0x60))
                bad := or(or(lt(R_MINUS_1, w0), lt(R_MINUS_1, w1)), or(lt(R_MINUS_1, w2), lt(R_MINUS_1, w3)))
                y := add(w0, mulmod(z, add(w1, mulmod(z, add(w2, mulmod(z, w3, R)), R)), R))
            }
            // Accounts: ten words each, the first of them a slot. Five at a time, which is what the stack holds.
            for {} 1 {} {
                p := sub(p, 0x140)
                {
                    let w0 := mload(add(p, 0xa0))
                    let w1 := mload(add(p, 0xc0))
                    let w2 := mload(add(p, 0xe0))
                    let w3 := mload(add(p, 0x100))
                    let w4 := mload(add(p, 0x120))
                    y := add(
                        w0,
                        mulmod(
                            z,
                            add(
                                w1,
                                mulmod(z, add(w2, mulmod(z, add(w3, mulmod(z, add(w4, mulmod(z, y, R)), R)), R)), R)
                            ),
                            R
                        )
                    )
                    bad := or(
                        bad,
                        or(
                            lt(R_MINUS_1, w0),
                            or(lt(R_MINUS_1, w1), or(lt(R_MINUS_1, w2), or(lt(R_MINUS_1, w3), lt(R_MINUS_1, w4))))
                        )
                    )
                }
                {
                    let w0 := mload(p)
                    let w1 := mload(add(p, 0x20))
                    let w2 := mload(add(p, 0x40))
                    let w3 := mload(add(p, 0x60))
                    let w4 := mload(add(p, 0x80))
                    y := add(
                        w0,
                        mulmod(
                            z,
                            add(
                                w1,
                                mulmod(z, add(w2, mulmod(z, add(w3, mulmod(z, add(w4, mulmod(z, y, R)), R)), R)), R)
                            ),
                            R
                        )
                    )
                    bad := or(
                        bad,
                        or(
                            lt(MAX_SLOT, w0),
                            or(lt(R_MINUS_1, w1), or(lt(R_MINUS_1, w2), or(lt(R_MINUS_1, w3), lt(R_MINUS_1, w4))))
                        )
                    )
                }
                if eq(p, body) { break }
            }
            // Commands, deposits, header: written by the contract, no check to repeat.
            if withdrawals {
                // Three fields of `lanes`, a word each in memory; the last counts commands of two words.
                for { let lane := sub(p, shl(6, mload(add(lanes, 0x40)))) } xor(p, lane) {} {
                    p := sub(p, 0x20)
                    y := add(mload(p), mulmod(z, y, R))
                }
            }
            // A run of zeros, down to the last deposit or the header, multiplies y by a power of z.
            {
                let end := add(add(first, 0x220), mul(0xa0, deposits))
                let power := z
                for { let n := shr(5, sub(p, end)) } n { n := shr(1, n) } {
                    if and(n, 1) { y := mulmod(power, y, R) }
                    power := mulmod(power, power, R)
                }
                p := end
            }
            // First the words above the last multiple of eight, then eight at a time: the header alone has more.
            let eights := add(first, and(sub(p, first), not(0xff)))
            for {} xor(p, eights) {} {
                p := sub(p, 0x20)
                y := add(mload(p), mulmod(z, y, R))
            }
            for {} 1 {} {
                p := sub(p, 0x100)
                y := add(mload(add(p, 0xe0)), mulmod(z, y, R))
                y := add(mload(add(p, 0xc0)), mulmod(z, y, R))
                y := add(mload(add(p, 0xa0)), mulmod(z, y, R))
                y := add(mload(add(p, 0x80)), mulmod(z, y, R))
                y := add(mload(add(p, 0x60)), mulmod(z, y, R))
                y := add(mload(add(p, 0x40)), mulmod(z, y, R))
                y := add(mload(add(p, 0x20)), mulmod(z, y, R))
                y := add(mload(p), mulmod(z, y, R))
                if eq(p, first) { break }
            }
            y := mod(y, R)
        }
        if (bad != 0) _reject(d, lanes);
    }

    /// @dev Names the first bad word; only reached when there is one.
    function _reject(uint256[] memory d, Lanes memory lanes) private pure {
        uint256 start = bodyStart(lanes);
        for (uint256 i = start; i < d.length - 1; ++i) {
            uint256 entry = (i - start) / ACCOUNT_WORDS;
            bool isSlot = entry < lanes.accounts && (i - start) % ACCOUNT_WORDS == 0;
            if (isSlot && d[i] > MAX_SLOT) revert AccountSlotTooWide(entry, d[i]);
            if (d[i] >= R) revert WordNotInField(i, d[i]);
        }
    }
}
