//! The batch circuit under attack.
//!
//! * `rejections`: every rule of the ledger, broken, fails a named constraint.
//! * `named_*`: every attack that the design names, each with what it is stopped by.
//! * `alone_*`, `lone`: forgeries of which all is consistent but for one constraint.
//! * `shared_cases`: the ledger's own cases, on both sides of every bound.
//! * `sweep`: every class of value that the prover chooses, changed.
//! * `isolation`: which constraints are the only thing between a forgery and a proof.

/// Attacks by name, each a test: what they are stopped by, and how they are forged. Each is forged once, for its test and for
/// `isolation`.
macro_rules! attacks {
    ($($(#[$doc:meta])* $name:ident: $expected:expr, $forge:expr;)*) => {
        mod outcomes {
            use super::*;
            $(
                pub fn $name() -> &'static $crate::kit::Names {
                    static ONCE: std::sync::OnceLock<$crate::kit::Names> = std::sync::OnceLock::new();
                    ONCE.get_or_init($forge)
                }
            )*
        }
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                println!("seed {}", $crate::kit::SEED);
                assert_eq!(*outcomes::$name(), $crate::kit::names(&$expected));
            }
        )*
        /// Every attack, for `isolation`.
        pub const ALL: &[(&str, fn() -> &'static $crate::kit::Names)] = &[$((stringify!($name), outcomes::$name)),*];
    };
}

mod alone_bits;
mod alone_effects;
mod alone_gadgets;
mod free;
mod isolation;
mod kit;
mod lone;
mod named_at_z;
mod named_attacks;
mod named_words;
mod redundant;
mod rejections;
mod shared_cases;
mod sweep;
