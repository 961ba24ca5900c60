//! The same tests for every backend that this machine can run.

mod common;
mod compiled;
mod cuda;
mod driver;
mod dual;
mod emulation;
mod largest;
mod msm;
mod ntt;
mod quotient;
