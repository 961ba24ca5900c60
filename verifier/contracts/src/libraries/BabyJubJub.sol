// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Bn254} from "./Bn254.sol";

/// @title Membership in the curve BabyJubJub, a*x^2 + y^2 = 1 + d*x^2*y^2 over the scalar field of BN254 (ERC-2494).
/// @dev Only the curve equation. Whoever multiplies the point by the cofactor 8 lands in the prime-order subgroup; the
///      identity and the other points of small order stay possible, and are for the circuit to refuse.
library BabyJubJub {
    /// @param x First coordinate, as given.
    /// @param y Second coordinate, as given.
    error PointNotOnCurve(uint256 x, uint256 y);
    /// @param coordinate A coordinate that is not the canonical representative, i.e. not below r.
    error PointCoordinateNotInField(uint256 coordinate);

    uint256 private constant A = 168700;
    uint256 private constant D = 168696;

    /// @notice Reverts unless (x, y) has canonical coordinates and lies on the curve.
    function check(uint256 x, uint256 y) internal pure {
        if (x >= Bn254.R) revert PointCoordinateNotInField(x);
        if (y >= Bn254.R) revert PointCoordinateNotInField(y);
        uint256 xx = mulmod(x, x, Bn254.R);
        uint256 yy = mulmod(y, y, Bn254.R);
        uint256 left = addmod(mulmod(A, xx, Bn254.R), yy, Bn254.R);
        uint256 right = addmod(1, mulmod(D, mulmod(xx, yy, Bn254.R), Bn254.R), Bn254.R);
        if (left != right) revert PointNotOnCurve(x, y);
    }
}
