// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Constants of the pairing curve alt_bn128 (EIP-196, EIP-197).
library Bn254 {
    /// @dev Modulus p of the base field: the coordinates of proofs and keys.
    uint256 internal constant P = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    /// @dev Order r of the groups, modulus of the scalar field: every word of the public data and every public input.
    uint256 internal constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    /// @dev x of the generator of G2 in the order of EIP-197: the imaginary part first.
    uint256 internal constant G2_X_IM = 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2;
    uint256 internal constant G2_X_RE = 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed;

    /// @dev Precompiled contracts.
    address internal constant EC_ADD = address(6);
    address internal constant EC_MUL = address(7);
    address internal constant PAIRING = address(8);
}
