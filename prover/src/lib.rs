//! Trace to witness to Groth16 proof, through the gpu seam, from cached matrices.
