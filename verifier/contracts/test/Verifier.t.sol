// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";
import {Bn254} from "../src/libraries/Bn254.sol";
import {Groth16Key} from "../src/libraries/Groth16Key.sol";
import {Groth16Verifier} from "../src/libraries/Groth16Verifier.sol";
import {Trapdoor} from "./support/Trapdoor.sol";

/// @dev The verifier alone: inputs that the contract derives below r are free here.
contract VerifierTest is Test {
    address private key;

    function setUp() public {
        key = Groth16Key.store(Trapdoor.key());
    }

    function verify(address vk, uint256[8] calldata proof, uint256 c, uint256 z, uint256 y) external view {
        Groth16Verifier.verify(vk, proof, c, z, y);
    }

    function testFuzz_valid_proof_is_accepted_whatever_its_randomness(uint256 a, uint256 c, uint256 z, uint256 y)
        public
        view
    {
        (c, z, y) = (c % Bn254.R, z % Bn254.R, y % Bn254.R);
        this.verify(key, Trapdoor.prove(bound(a, 1, Bn254.R - 1), c, z, y), c, z, y);
    }

    function testFuzz_proof_of_another_input_is_rejected(uint256 which, uint256 step) public {
        which = bound(which, 0, 2);
        step = bound(step, 1, Bn254.R - 1);
        uint256[3] memory inputs = [uint256(1), 2, 3];
        uint256[8] memory proof = Trapdoor.prove(9, 1, 2, 3);
        inputs[which] = addmod(inputs[which], step, Bn254.R);
        vm.expectRevert(abi.encodeWithSelector(Groth16Verifier.ProofRejected.selector, inputs[1], inputs[2]));
        this.verify(key, proof, inputs[0], inputs[1], inputs[2]);
    }

    function test_inputs_are_refused_from_r_on() public {
        uint256[8] memory proof = Trapdoor.prove(9, 1, 2, 3);
        for (uint256 i = 0; i < 3; ++i) {
            uint256[3] memory inputs = [uint256(1), 2, 3];
            inputs[i] += Bn254.R;
            vm.expectRevert(abi.encodeWithSelector(Groth16Verifier.PublicInputNotInField.selector, i, inputs[i]));
            this.verify(key, proof, inputs[0], inputs[1], inputs[2]);
        }
    }

    function test_every_coordinate_of_a_proof_is_refused_from_p_on() public {
        for (uint256 i = 0; i < 8; ++i) {
            uint256[8] memory proof = Trapdoor.prove(9, 1, 2, 3);
            proof[i] += Bn254.P;
            vm.expectRevert(abi.encodeWithSelector(Groth16Verifier.ProofCoordinateNotInField.selector, i, proof[i]));
            this.verify(key, proof, 1, 2, 3);
            proof[i] = type(uint256).max;
            vm.expectRevert(abi.encodeWithSelector(Groth16Verifier.ProofCoordinateNotInField.selector, i, proof[i]));
            this.verify(key, proof, 1, 2, 3);
        }
    }

    function test_every_point_of_a_proof_must_lie_on_its_curve() public {
        for (uint256 i = 0; i < 8; ++i) {
            uint256[8] memory proof = Trapdoor.prove(9, 1, 2, 3);
            proof[i] = addmod(proof[i], 1, Bn254.P);
            vm.expectRevert(abi.encodeWithSelector(Groth16Verifier.PrecompileFailed.selector, Bn254.PAIRING));
            // A precompile that fails keeps the gas that it was given.
            this.verify{gas: 500_000}(key, proof, 1, 2, 3);
        }
    }

    function test_points_at_infinity_prove_nothing() public {
        uint256[8] memory proof;
        vm.expectRevert(abi.encodeWithSelector(Groth16Verifier.ProofRejected.selector, 2, 3));
        this.verify(key, proof, 1, 2, 3);
    }

    function test_negated_point_is_rejected() public {
        uint256[2] memory ys = [uint256(1), 7];
        for (uint256 i = 0; i < 2; ++i) {
            uint256[8] memory proof = Trapdoor.prove(9, 1, 2, 3);
            proof[ys[i]] = Bn254.P - proof[ys[i]];
            vm.expectRevert(abi.encodeWithSelector(Groth16Verifier.ProofRejected.selector, 2, 3));
            this.verify(key, proof, 1, 2, 3);
        }
    }

    /// Without the check of the length an empty account reads as 22 zeros, under which the zero proof holds.
    function test_account_without_a_key_is_refused() public {
        uint256[8] memory proof;
        address[2] memory accounts = [makeAddr("nobody"), address(this)];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Groth16Key.KeyMissing.selector, accounts[i]));
            this.verify(accounts[i], proof, 1, 2, 3);
        }
    }

    function test_precompile_without_enough_gas_fails_loudly() public {
        // Not a verdict: too little gas for the pairing must revert, never return.
        uint256[8] memory proof = Trapdoor.prove(9, 1, 2, 3);
        bytes memory call = abi.encodeCall(this.verify, (key, proof, 1, 2, 3));
        (bool enough,) = address(this).call{gas: 260_000}(call);
        assertTrue(enough);
        for (uint256 gas = 1_000; gas < 180_000; gas += 9_973) {
            (bool ok,) = address(this).call{gas: gas}(call);
            assertFalse(ok);
        }
    }

    function test_table_of_the_trapdoor_is_multiples_of_the_generator() public view {
        // e(k*G1, G2) = e(G1, k*G2), as e(k*G1, G2) * e(-G1, k*G2) = 1.
        uint256[4] memory scalars = [uint256(2), 3, 5, 7];
        for (uint256 i = 0; i < 4; ++i) {
            (uint256 x, uint256 y) = Trapdoor.g1(scalars[i]);
            (bool ok, bytes memory out) = Bn254.PAIRING
                .staticcall(abi.encodePacked(x, y, Trapdoor.g2(1), uint256(1), Bn254.P - 2, Trapdoor.g2(scalars[i])));
            assertTrue(ok);
            assertEq(abi.decode(out, (uint256)), 1);
        }
    }
}
