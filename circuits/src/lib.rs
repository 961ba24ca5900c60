//! The batch circuit: the rules of novation-state as rank-1 constraints over BN254.

pub mod batch;
pub mod cs;
pub mod figures;
pub mod gadgets;
