//! Every rule at its bound: an attempt that passes, and one just past it with the rejection it meets.
//!
//! The ledger's tests run all of them. Circuit tests take [`Case::forced`], the trace of what the ledger refuses, and demand a named
//! constraint that fails.

mod accounts;
mod batch;
mod clearings;
mod commands;
mod deposits;
mod margin;
mod markets;
mod orders;

use super::stage::stage;
use super::World;
use crate::leaf::MarketLeaf;
use crate::reject::Rejection;
use crate::trace::BatchTrace;
use crate::transition::{BatchInput, Fill, Guard, SignedCommand};
use crate::units::{AccountSlot, InstrumentId, Lots, Ticks, Time};

/// Something to try on a world.
#[derive(Clone, Debug)]
pub enum Attempt {
    /// A batch.
    Batch(Box<BatchInput>),
    /// A change of markets.
    Markets {
        /// The changes.
        changes: Vec<(InstrumentId, MarketLeaf)>,
        /// Their time.
        time: Time,
    },
}

impl Attempt {
    /// Tries it.
    ///
    /// # Errors
    /// The broken rule. The world is as before then.
    pub fn on(&self, world: &mut World) -> Result<(), Rejection> {
        match self {
            Attempt::Batch(input) => world.try_apply((**input).clone()).map(|_| ()),
            Attempt::Markets { changes, time } => world.markets.update(changes.clone(), *time).map(|_| ()),
        }
    }
}

/// A rule at its bound.
pub struct Case {
    /// Subject, condition.
    pub name: &'static str,
    /// What passes, at the bound where there is one.
    pub good: (World, Attempt),
    /// What does not.
    pub bad: (World, Attempt),
    /// Why.
    pub broken: Rejection,
}

impl Case {
    /// The trace of the refused batch, with the rules it breaks in order. `None` where there is no trace to build: changes of
    /// markets, full lanes, accounts that do not exist, numbers without a representation.
    pub fn forced(&self) -> Option<(BatchTrace, Vec<Rejection>)> {
        let (world, Attempt::Batch(input)) = &self.bad else { return None };
        let mut guard = Guard::Lenient(Vec::new());
        let mut ledger = world.ledger.clone();
        let trace = ledger.apply_guarded(world.size, &world.markets, (**input).clone(), &mut guard).ok()?;
        match guard {
            Guard::Lenient(broken) => Some((trace, broken)),
            Guard::Strict => None,
        }
    }
}

/// A case of batches, each made on a stage of its own.
fn case(
    name: &'static str,
    good: impl FnOnce(&mut World) -> BatchInput,
    bad: impl FnOnce(&mut World) -> BatchInput,
    broken: impl FnOnce(&World) -> Rejection,
) -> Case {
    let on_stage = |make: &mut dyn FnMut(&mut World) -> BatchInput| {
        let mut world = stage();
        let input = make(&mut world);
        (world, Attempt::Batch(Box::new(input)))
    };
    let (mut good, mut bad) = (Some(good), Some(bad));
    let good = on_stage(&mut |world| good.take().expect("called once")(world));
    let bad = on_stage(&mut |world| bad.take().expect("called once")(world));
    let broken = broken(&bad.0);
    Case { name, good, bad, broken }
}

/// A batch of fills.
fn fills(make: impl FnOnce(&World) -> Vec<Fill>) -> impl FnOnce(&mut World) -> BatchInput {
    move |world| {
        let fills = make(world);
        BatchInput { fills, ..world.input() }
    }
}

/// A batch of commands.
fn commands(make: impl FnOnce(&World) -> Vec<SignedCommand>) -> impl FnOnce(&mut World) -> BatchInput {
    move |world| {
        let commands = make(world);
        BatchInput { commands, ..world.input() }
    }
}

/// A trader's account slot.
fn slot(world: &World, trader: usize) -> AccountSlot {
    world.traders[trader].slot
}

fn lots(n: i64) -> Lots {
    Lots::new(n).expect("in range")
}

fn ticks(n: i64) -> Ticks {
    Ticks::new(n).expect("in range")
}

/// A second counted from the present.
fn later(world: &World, seconds: i64) -> Time {
    Time::new(world.time.get() + seconds).expect("in range")
}

/// Every case.
pub fn all() -> Vec<Case> {
    [
        batch::cases(),
        deposits::cases(),
        clearings::cases(),
        orders::cases(),
        commands::cases(),
        accounts::cases(),
        margin::cases(),
        markets::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
