//! The seam between proving and hardware: multi-scalar multiplication and NTT over BN254.
