// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";
import {Bn254} from "../src/libraries/Bn254.sol";
import {Lanes, PublicData} from "../src/libraries/PublicData.sol";
import {Batches} from "./support/Batches.sol";

/// @dev The unrolled evaluation against the definition, over lanes of every shape.
contract ChallengeTest is Test {
    function challenge(
        Lanes memory lanes,
        uint256[] memory front,
        uint256[] calldata body,
        uint256 c,
        uint256 deposits,
        uint256 withdrawals
    ) external pure returns (uint256 z, uint256 y) {
        uint256[] memory d = PublicData.allocate(lanes, body);
        for (uint256 i = 0; i < front.length; ++i) {
            PublicData.put(d, i, front[i]);
        }
        return PublicData.challenge(d, lanes, c, deposits, withdrawals);
    }

    function testFuzz_challenge_is_the_hash_and_the_sum_of_powers(uint8[5] memory sizes, uint256 seed) public view {
        Lanes memory lanes = Lanes({accounts: 1 + sizes[0] % 20, deposits: sizes[1] % 20, commands: sizes[2] % 20});
        uint256[] memory d = new uint256[](PublicData.length(lanes));
        uint256 start = PublicData.bodyStart(lanes);
        // Entries in use, from none to all.
        uint256 deposits = sizes[3] % (uint256(lanes.deposits) + 1);
        uint256 withdrawals = sizes[4] % (uint256(lanes.commands) + 1);
        uint256[] memory front = new uint256[](start);
        uint256[] memory body = new uint256[](d.length - start);
        for (uint256 i = 0; i < d.length; ++i) {
            d[i] = Batches.element(seed, i);
            // Slots are 24 bits; and the largest word there is comes up too.
            if (i >= start && (i - start) % 10 == 0 && (i - start) / 10 < lanes.accounts) d[i] &= 0xffffff;
            else if (d[i] & 7 == 0) d[i] = Bn254.R - 1;
            bool empty = i >= PublicData.commandsStart(lanes) ? withdrawals == 0 : i >= 17 + 5 * deposits;
            if (i < start && empty) d[i] = 0;
            if (i < start) front[i] = d[i];
            else body[i - start] = d[i];
        }
        (uint256 z, uint256 y) = this.challenge(lanes, front, body, seed, deposits, withdrawals);
        (uint256 plainZ, uint256 plainY) = Batches.challenge(d, seed);
        assertEq(z, plainZ);
        assertEq(y, plainY);
    }

    function test_sizes_are_those_of_the_table() public pure {
        Lanes memory lanes = Lanes({accounts: 64, deposits: 16, commands: 16});
        assertEq(PublicData.commandsStart(lanes), 17 + 80);
        assertEq(PublicData.bodyStart(lanes), 17 + 80 + 32);
        assertEq(PublicData.bodyLength(lanes), 644);
        assertEq(PublicData.length(lanes), 773);
        lanes = Lanes({accounts: type(uint16).max, deposits: type(uint16).max, commands: type(uint16).max});
        assertEq(PublicData.length(lanes), 17 + 17 * 65_535 + 4);
    }

    function test_room_is_zero_where_nothing_was_written() public view {
        Lanes memory lanes = Lanes({accounts: 1, deposits: 3, commands: 3});
        uint256[] memory d = new uint256[](PublicData.length(lanes));
        (, uint256 y) = this.challenge(lanes, new uint256[](0), new uint256[](14), 5, 0, 0);
        (, uint256 plainY) = Batches.challenge(d, 5);
        assertEq(plainY, 0);
        assertEq(y, 0);
    }

    function testFuzz_bad_word_is_named_in_lanes_of_every_shape(uint8[3] memory sizes, uint256 place, uint256 word)
        public
    {
        Lanes memory lanes = Lanes({accounts: 1 + sizes[0] % 20, deposits: sizes[1] % 20, commands: sizes[2] % 20});
        uint256[] memory body = new uint256[](PublicData.bodyLength(lanes));
        place = bound(place, 0, body.length - 1);
        if (place % 10 == 0 && place / 10 < lanes.accounts) {
            word = bound(word, 1 << 24, type(uint256).max);
            vm.expectRevert(abi.encodeWithSelector(PublicData.AccountSlotTooWide.selector, place / 10, word));
        } else {
            word = bound(word, Bn254.R, type(uint256).max);
            uint256 index = PublicData.bodyStart(lanes) + place;
            vm.expectRevert(abi.encodeWithSelector(PublicData.WordNotInField.selector, index, word));
        }
        body[place] = word;
        this.challenge(lanes, new uint256[](0), body, 5, 0, 0);
    }
}
