//! The same tests for every backend that this machine can run.

mod common;
mod cuda;
mod dual;
mod emulation;
mod msm;
mod ntt;
mod quotient;
