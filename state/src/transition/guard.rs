//! The one place through which every rule passes.

use crate::reject::Rejection;

/// What happens when a rule is broken.
///
/// [`Guard::Lenient`] is the adversarial-testing seam: whatever the ledger refuses can be made into a trace anyway and pushed into
/// the circuit, which has to refuse it by a named constraint. Nothing but tests has a use for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The first broken rule refuses the batch.
    Strict,
    /// Broken rules are recorded, in order, and the batch goes on as if they did not exist.
    Lenient(Vec<Rejection>),
}

impl Guard {
    /// Whether no rule was broken so far.
    pub fn is_clean(&self) -> bool {
        match self {
            Guard::Strict => true,
            Guard::Lenient(broken) => broken.is_empty(),
        }
    }

    /// Checks a rule.
    pub(crate) fn require(&mut self, holds: bool, broken: impl FnOnce() -> Rejection) -> Result<(), Rejection> {
        if holds {
            Ok(())
        } else {
            self.refuse(broken())
        }
    }

    /// Takes a rule's verdict.
    pub(crate) fn take(&mut self, verdict: Result<(), Rejection>) -> Result<(), Rejection> {
        verdict.or_else(|broken| self.refuse(broken))
    }

    fn refuse(&mut self, broken: Rejection) -> Result<(), Rejection> {
        match self {
            Guard::Strict => Err(broken),
            Guard::Lenient(all) => {
                all.push(broken);
                Ok(())
            }
        }
    }
}
