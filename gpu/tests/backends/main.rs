//! The same tests for every backend that this machine can run.

mod common;
mod dual;
mod msm;
mod ntt;
mod quotient;
