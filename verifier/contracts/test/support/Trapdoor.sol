// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Bn254} from "../../src/libraries/Bn254.sol";

/// @title A verifying key whose toxic waste everybody knows, and the proofs that follow from it.
/// @dev TEST ONLY. Who knows the scalars behind alpha, beta, gamma, delta and the inputs' points can prove any inputs:
///      pick A = a*G1 and B = b*G2 and solve the pairing equation for C in the exponents. So the contracts are tested
///      with a real verification of arbitrary public data, without a circuit.
library Trapdoor {
    uint256 internal constant R = Bn254.R;
    // Scalars. Those of G2 are small because there is no precompile to multiply there: their points are constants.
    uint256 internal constant ALPHA = 0x1cf0a1fa2c0ffee0001;
    uint256 internal constant BETA = 2;
    uint256 internal constant GAMMA = 3;
    uint256 internal constant DELTA = 5;
    uint256 internal constant B = 7;
    uint256 internal constant IC0 = 0xabcdef0001;
    uint256 internal constant IC1 = 0xabcdef0002;
    uint256 internal constant IC2 = 0xabcdef0003;
    uint256 internal constant IC3 = 0xabcdef0004;

    /// @dev The generator of G2 times 1, 2, 3, 5 or 7, as x.im, x.re, y.im, y.re. `Trapdoor.t.sol` checks the table by
    ///      pairings.
    function g2(uint256 scalar) internal pure returns (uint256[4] memory) {
        if (scalar == 1) {
            return [
                0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2,
                0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed,
                0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b,
                0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa
            ];
        }
        if (scalar == 2) {
            return [
                0x203e205db4f19b37b60121b83a7333706db86431c6d835849957ed8c3928ad79,
                0x27dc7234fd11d3e8c36c59277c3e6f149d5cd3cfa9a62aee49f8130962b4b3b9,
                0x195e8aa5b7827463722b8c153931579d3505566b4edf48d498e185f0509de152,
                0x04bb53b8977e5f92a0bc372742c4830944a59b4fe6b1c0466e2a6dad122b5d2e
            ];
        }
        if (scalar == 3) {
            return [
                0x1014772f57bb9742735191cd5dcfe4ebbc04156b6878a0a7c9824f32ffb66e85,
                0x06064e784db10e9051e52826e192715e8d7e478cb09a5e0012defa0694fbc7f5,
                0x021e2335f3354bb7922ffcc2f38d3323dd9453ac49b55441452aeaca147711b2,
                0x058e1d5681b5b9e0074b0f9c8d2c68a069b920d74521e79765036d57666c5597
            ];
        }
        if (scalar == 5) {
            return [
                0x0a09ccf561b55fd99d1c1208dee1162457b57ac5af3759d50671e510e428b2a1,
                0x2e539c423b302d13f4e5773c603948eaf5db5df8ae8a9a9113708390a06410d8,
                0x19b763513924a736e4eebd0d78c91c1bc1d657fee4214057d21414011cfcc763,
                0x2f8d9f9ab83727c77a2fec063cb7b6e5eb23044ccf535ad49d46d394fb6f6bf6
            ];
        }
        require(scalar == 7, "Trapdoor: no such multiple");
        return [
            0x2903ba015a9abde26a5d081e84551e63be0fd4516e46ee6d593edeba46362455,
            0x224bdc5d4327fcf8ed702e01de1c2f1657a253ba75e32a89c390142aaa28b308,
            0x03c8b7cda6b2dedb7aeeaf5fda464ad17036bea1c4e6f7adbaed1ebe0335e0d8,
            0x1d92fff52a265017eeccb372e37d7a7bd431800eca28dfd82e21e8054114233f
        ];
    }

    /// @dev The generator of G1 times the scalar.
    function g1(uint256 scalar) internal view returns (uint256 x, uint256 y) {
        (bool ok, bytes memory out) = Bn254.EC_MUL.staticcall(abi.encode(1, 2, scalar));
        require(ok, "Trapdoor: ecMul failed");
        return abi.decode(out, (uint256, uint256));
    }

    function key() internal view returns (uint256[22] memory k) {
        (k[0], k[1]) = g1(ALPHA);
        putG2(k, 2, g2(BETA));
        putG2(k, 6, g2(GAMMA));
        putG2(k, 10, g2(DELTA));
        (k[14], k[15]) = g1(IC0);
        (k[16], k[17]) = g1(IC1);
        (k[18], k[19]) = g1(IC2);
        (k[20], k[21]) = g1(IC3);
    }

    /// @dev A valid proof of the inputs. `a` is the prover's randomness; any value but 0 serves.
    function prove(uint256 a, uint256 c, uint256 z, uint256 y) internal view returns (uint256[8] memory proof) {
        uint256 l = addmod(addmod(IC0, mulmod(c, IC1, R), R), addmod(mulmod(z, IC2, R), mulmod(y, IC3, R), R), R);
        // a*b = alpha*beta + l*gamma + x*delta, solved for x.
        uint256 known = addmod(mulmod(ALPHA, BETA, R), mulmod(l, GAMMA, R), R);
        uint256 x = mulmod(addmod(mulmod(a, B, R), R - known, R), inverse(DELTA), R);
        (proof[0], proof[1]) = g1(a % R);
        uint256[4] memory b = g2(B);
        (proof[2], proof[3], proof[4], proof[5]) = (b[0], b[1], b[2], b[3]);
        (proof[6], proof[7]) = g1(x);
    }

    function putG2(uint256[22] memory k, uint256 index, uint256[4] memory point) internal pure {
        for (uint256 i = 0; i < 4; ++i) {
            k[index + i] = point[i];
        }
    }

    /// @dev Fermat: v^(r-2).
    function inverse(uint256 v) internal pure returns (uint256 out) {
        out = 1;
        for (uint256 e = R - 2; e != 0; e >>= 1) {
            if (e & 1 == 1) out = mulmod(out, v, R);
            v = mulmod(v, v, R);
        }
    }
}
