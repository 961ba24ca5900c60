//! Which backend runs. Asking for hardware that is absent is an error that says what is missing, never a silent fallback;
//! `auto` takes the best that is there and says which.

use crate::backend::Backend;
use crate::cpu::{CpuBackend, MAX_MULTIPLES};
use crate::cuda::driver::{device_from_environment, Driver, Missing};
use crate::cuda::{CudaBackend, ALL_TABLES};
use crate::dual::Dual;
use crate::error::Error;
use crate::reference::ReferenceBackend;
use std::sync::Arc;

/// Names that [`choose`] knows, with what they are.
pub const BACKENDS: [(&str, &str); 6] = [
    ("auto", "the fastest backend that this machine can run"),
    ("cpu", "rayon threads, vector arithmetic where the processor has it; `cpu:8` keeps up to 8 multiples of each key point"),
    ("cuda", "an NVIDIA card; `cuda:1` or NOVATION_CUDA_DEVICE=1 for another than the first"),
    ("dual", "cpu, every operation checked against reference; for tests"),
    ("dual:cuda", "a card, every operation checked against cpu; for the first proofs on a new machine"),
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

/// The backend of that name. `cuda:N` is the card of that number, in `dual:cuda:N` too. `cpu:M` keeps up to M multiples of each point of
/// a key ([`CpuBackend::with_multiples`]): up to M times the memory and minutes when a key is opened, for fewer additions a proof.
///
/// # Errors
/// [`Error::Multiples`] for an M out of range; [`Error::UnknownBackend`] for a name not in [`BACKENDS`]; [`Error::Unavailable`] if something it needs is absent.
pub fn choose(name: &str) -> Result<Chosen, Error> {
    let (backend, why): (Arc<dyn Backend>, String) = match name {
        "auto" => match device_from_environment().and_then(cuda) {
            Ok(card) => (card, "auto chose cuda".into()),
            Err(Missing(missing)) => (Arc::new(CpuBackend::new()), format!("auto chose cpu: {missing}")),
        },
        "cpu" => (Arc::new(CpuBackend::new()), "asked for cpu".into()),
        "reference" => (Arc::new(ReferenceBackend::new()), "asked for reference".into()),
        "dual" => {
            let (first, second) = (Arc::new(CpuBackend::new()), Arc::new(ReferenceBackend::new()));
            (Arc::new(Dual::new(first, second)), "asked for dual".into())
        }
        _ if name.starts_with("cpu:") => {
            let multiples = name["cpu:".len()..].parse().ok().filter(|m| (1..=MAX_MULTIPLES).contains(m));
            let multiples = multiples.ok_or_else(|| Error::Multiples { name: name.into(), max: MAX_MULTIPLES })?;
            (Arc::new(CpuBackend::new().with_multiples(multiples)), format!("asked for {name}"))
        }
        _ => {
            let checked = name.strip_prefix("dual:");
            let Some(ordinal) = card_number(checked.unwrap_or(name)) else {
                let known = BACKENDS.map(|(name, _)| name).join(", ");
                return Err(Error::UnknownBackend { name: name.into(), known });
            };
            let unavailable = |Missing(missing)| Error::Unavailable {
                name: name.into(),
                missing: format!("{missing}; use `cpu`, or `auto` to take what is there"),
            };
            let card = ordinal.and_then(cuda).map_err(unavailable)?;
            let backend: Arc<dyn Backend> = match checked {
                Some(_) => Arc::new(Dual::new(card, Arc::new(CpuBackend::new()))),
                None => card,
            };
            (backend, format!("asked for {name}"))
        }
    };
    let reason = format!("{why} ({})", backend.description());
    Ok(Chosen { backend, reason })
}

/// The card that a name means, `None` if it means none.
fn card_number(name: &str) -> Option<Result<usize, Missing>> {
    match name.strip_prefix("cuda")? {
        "" => Some(device_from_environment()),
        // Digits alone: `parse` would take a sign.
        rest => {
            let number = rest.strip_prefix(':').filter(|n| n.bytes().all(|b| b.is_ascii_digit()))?;
            number.parse().ok().map(Ok)
        }
    }
}

fn cuda(ordinal: usize) -> Result<Arc<dyn Backend>, Missing> {
    let backend = CudaBackend::new(Driver::open(ordinal)?, ALL_TABLES).map_err(|e| Missing(e.to_string()))?;
    Ok(Arc::new(backend))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a machine with a card `auto` takes it; elsewhere it names the first thing that is missing.
    #[test]
    fn auto_takes_the_card_if_cuda_works_and_says_what_is_missing_if_not() {
        let auto = choose("auto").unwrap();
        match choose("cuda") {
            Ok(_) => {
                assert_eq!(auto.backend.name(), "cuda");
                assert!(auto.reason.starts_with("auto chose cuda ("), "{}", auto.reason);
            }
            Err(Error::Unavailable { name, missing }) => {
                assert_eq!(name, "cuda");
                let missing = missing.strip_suffix("; use `cpu`, or `auto` to take what is there").unwrap();
                assert_eq!(auto.backend.name(), "cpu");
                assert_eq!(auto.reason, format!("auto chose cpu: {missing} ({})", auto.backend.description()));
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn every_other_known_name_is_available() {
        for name in ["cpu", "dual", "reference"] {
            assert_eq!(choose(name).unwrap().backend.name(), name);
        }
    }

    #[test]
    fn cuda_takes_a_number_after_a_colon_and_nothing_else() {
        assert_eq!(card_number("cuda:0"), Some(Ok(0)));
        assert_eq!(card_number("cuda:17"), Some(Ok(17)));
        for name in ["cuda:", "cuda:-1", "cuda:+1", "cuda:x", "cuda1", "cudas", "CUDA", "cuda:99999999999999999999"] {
            assert_eq!(card_number(name), None, "{name}");
        }
        assert_eq!(choose("cuda:x").unwrap_err().to_string(), {
            let known = BACKENDS.map(|(name, _)| name).join(", ");
            format!("unknown backend `cuda:x`; this build knows {known}")
        });
    }

    #[test]
    fn cpu_takes_a_number_of_multiples_within_its_range() {
        for m in [1, 2, 32] {
            let chosen = choose(&format!("cpu:{m}")).unwrap();
            assert_eq!((chosen.backend.name(), chosen.backend.description().contains("multiples")), ("cpu", m > 1));
        }
        for name in ["cpu:", "cpu:0", "cpu:33", "cpu:-1", "cpu:x"] {
            assert_eq!(choose(name).unwrap_err(), Error::Multiples { name: name.into(), max: 32 });
        }
    }

    #[test]
    fn unknown_name_lists_the_known_ones() {
        let known = "auto, cpu, cuda, dual, dual:cuda, reference".to_string();
        assert_eq!(choose("metal").unwrap_err(), Error::UnknownBackend { name: "metal".into(), known });
    }
}
