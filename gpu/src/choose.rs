//! Which backend runs. Asking for hardware that is absent is an error that says what is missing, never a silent fallback;
//! `auto` takes the best that is there and says which.

use crate::backend::Backend;
use crate::cpu::CpuBackend;
use crate::dual::Dual;
use crate::error::Error;
use crate::reference::ReferenceBackend;
use std::sync::Arc;

/// Names that [`choose`] knows, with what they are.
pub const BACKENDS: [(&str, &str); 5] = [
    ("auto", "the fastest backend that this machine can run"),
    ("cpu", "rayon threads, portable field arithmetic"),
    ("cuda", "an NVIDIA card (not in this build)"),
    ("dual", "cpu, every operation checked against reference; for tests"),
    ("reference", "arkworks' own routines, slow; for tests"),
];

/// A backend and why it was taken.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The backend.
    pub backend: Arc<dyn Backend>,
    /// One line for the operator.
    pub reason: String,
}

/// The backend of that name.
///
/// # Errors
/// [`Error::UnknownBackend`] for a name not in [`BACKENDS`]; [`Error::Unavailable`] if something it needs is absent.
pub fn choose(name: &str) -> Result<Chosen, Error> {
    let (backend, why): (Arc<dyn Backend>, &str) = match name {
        "auto" => (Arc::new(CpuBackend::new()), "auto chose cpu: this build has no CUDA backend"),
        "cpu" => (Arc::new(CpuBackend::new()), "asked for cpu"),
        "reference" => (Arc::new(ReferenceBackend::new()), "asked for reference"),
        "dual" => {
            (Arc::new(Dual::new(Arc::new(CpuBackend::new()), Arc::new(ReferenceBackend::new()))), "asked for dual")
        }
        "cuda" => {
            return Err(Error::Unavailable {
                name: name.into(),
                missing: "this build has no CUDA backend; use `cpu`, or `auto` to take what is there".into(),
            })
        }
        _ => {
            let known = BACKENDS.map(|(name, _)| name).join(", ");
            return Err(Error::UnknownBackend { name: name.into(), known });
        }
    };
    let reason = format!("{why} ({})", backend.description());
    Ok(Chosen { backend, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_says_what_it_chose() {
        let chosen = choose("auto").unwrap();
        assert_eq!(chosen.backend.name(), "cpu");
        assert!(chosen.reason.starts_with("auto chose cpu"), "{}", chosen.reason);
    }

    #[test]
    fn every_known_name_is_either_available_or_says_what_is_missing() {
        for (name, _) in BACKENDS {
            match choose(name) {
                Ok(chosen) => assert!(name == "auto" || chosen.backend.name() == name),
                Err(Error::Unavailable { name: n, missing }) => {
                    assert_eq!((n.as_str(), name), ("cuda", "cuda"));
                    assert!(missing.contains("no CUDA backend"));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn unknown_name_lists_the_known_ones() {
        let known = "auto, cpu, cuda, dual, reference".to_string();
        assert_eq!(choose("metal").unwrap_err(), Error::UnknownBackend { name: "metal".into(), known });
    }
}
