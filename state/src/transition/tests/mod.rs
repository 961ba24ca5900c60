//! Tests of the transition by rule: accepted at the bound, refused just past it with the exact variant.

mod cases;
mod effects;
mod random;
