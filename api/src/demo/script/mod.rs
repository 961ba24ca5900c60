//! The built-in stories: who trades what, when, and what happens meanwhile.
//!
//! Structure and times are fixed; sizes vary with the seed by a fifth either way, so that orders fill in part and pro rata.

mod full;
mod tiny;

use super::view;
use super::world::World;
use super::DemoError;
use crate::calendar::{show, DAY, HOUR};
use crate::client::NewOrder;
use crate::instrument::{Asset, Terms, MICRO};
use crate::oracle::model::Model;
use crate::oracle::rounds::Snapshot;
use crate::wire::{ExecutionName, Micro};
use novation_state::message::Side;
use novation_state::units::{Cash, Fee, InstrumentId, Lots, Ticks, Time};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Start of the stories: 2026-03-26 19:00 UTC, thirteen hours before the first expiry.
pub const START: i64 = 20_538 * DAY + 19 * HOUR;
/// Seconds for which an order of the story is valid.
const VALID: i64 = 59;

/// Plays the story of the world's size, and returns whose account is shown at the end.
///
/// # Errors
/// [`DemoError`].
pub fn play(world: &mut World) -> Result<String, DemoError> {
    let rng = ChaCha8Rng::seed_from_u64(world.seed);
    // The first model is replaced by the first quote.
    let mut stage = Stage { world, model: Model { btc: 0.0, eth: 0.0, premium: 0.0 }, rng, listed: Vec::new() };
    if stage.world.size() == novation_state::size::TINY {
        tiny::play(&mut stage)
    } else {
        full::play(&mut stage)
    }
}

/// How an order is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A limit order.
    Limit,
    /// Only shrinks the position.
    ReduceOnly,
    /// Follows the mark.
    Pegged,
}

/// An order of the story: who, what, which side, how many coins, how far its limit lies through the mark (a share of the mark).
struct Line(&'static str, &'static str, Side, f64, f64, Kind);

/// A buy.
fn buy(who: &'static str, what: &'static str, coins: f64) -> Line {
    Line(who, what, Side::Buy, coins, THROUGH, Kind::Limit)
}

/// A sell.
fn sell(who: &'static str, what: &'static str, coins: f64) -> Line {
    Line(who, what, Side::Sell, coins, THROUGH, Kind::Limit)
}

/// How far limits lie through the mark if nothing else is said.
const THROUGH: f64 = 0.004;

struct Stage<'w, 'a> {
    world: &'w mut World<'a>,
    model: Model,
    rng: ChaCha8Rng,
    listed: Vec<Terms>,
}

impl Stage<'_, '_> {
    fn say(&self, line: impl AsRef<str>) {
        self.world.screen.say(line);
    }

    /// A scene begins.
    fn scene(&mut self, at: i64, title: &str) -> Result<(), DemoError> {
        self.world.advance_to(at);
        self.say(format!("\n{} {title}", show(self.world.clock())));
        Ok(())
    }

    /// The oracle role quotes everything by `model`, and lists what is new.
    fn quote(&mut self, model: Model, new: &[&str]) -> Result<(), DemoError> {
        let new: Vec<Terms> =
            new.iter().map(|name| name.parse().expect("names of the story are instruments")).collect();
        self.listed.extend(&new);
        self.model = model;
        let snapshot = model.snapshot(self.world.clock(), self.listed.iter());
        self.world.round(&snapshot, &new)
    }

    /// Expiries settle at the mean of the last half hour, in which the index went from `from` to the present model.
    fn settle(&mut self, from: Model) -> Result<(), DemoError> {
        let now = self.world.clock();
        let mut snapshot: Snapshot = self.model.snapshot(now, self.listed.iter());
        for terms in self.listed.iter().filter(|terms| terms.expiry().get() <= now) {
            let date = terms.date().expect("what expires has a date");
            let samples = Model::half_hour(&from, &self.model, terms.asset);
            snapshot.settlements.insert((terms.asset, date), samples);
        }
        self.world.round(&snapshot, &[])?;
        for terms in self.listed.clone().into_iter().filter(|terms| terms.expiry().get() <= now) {
            let Micro(a_lot) = self.world.market(&terms)?.settlement.unwrap_or_default();
            let per_coin = a_lot * i128::from(terms.asset.lots_per_coin());
            self.say(format!("  {terms} settles at {} USD a coin", view::usd(per_coin)));
        }
        self.listed.retain(|terms| terms.expiry().get() > now);
        Ok(())
    }

    /// Sends orders. In the story none may be refused.
    fn orders(&mut self, lines: &[Line]) -> Result<(), DemoError> {
        for Line(who, what, side, coins, through, kind) in lines {
            let terms: Terms = what.parse().expect("names of the story are instruments");
            let wish = self.wish(&terms, *side, *coins, *through, *kind)?;
            let refused = |reason| DemoError::Story(format!("{who}'s order in {terms}: {reason}"));
            self.world.order(who, &wish).map_err(refused)?;
        }
        Ok(())
    }

    fn wish(&mut self, terms: &Terms, side: Side, coins: f64, through: f64, kind: Kind) -> Result<NewOrder, DemoError> {
        let size = coins * terms.asset.lots_per_coin() as f64 * self.rng.gen_range(0.8..1.2);
        let market = self.world.market(terms)?;
        // Options are cheap: a share of their price may be less than a tick, a share of the underlying is none.
        let distance = ((market.mark as f64 * through).round() as i64).max(1);
        let limit = market.mark + side.sign() as i64 * distance;
        Ok(NewOrder {
            instrument: InstrumentId::new(market.id)?,
            side,
            lots: Lots::new((size as i64).max(1))?,
            limit: Ticks::new(limit.max(0))?,
            peg_offset: (kind == Kind::Pegged).then_some(side.sign() as i64 * distance / 2),
            valid_until: Time::new(self.world.clock() + VALID)?,
            fee_cap: Fee::try_from(market.fee.0)?,
            reduce_only: kind == Kind::ReduceOnly,
            execution: ExecutionName::UntilValid,
        })
    }

    /// Orders arrive and a window ends half a minute later.
    fn window(&mut self, lines: &[Line]) -> Result<(), DemoError> {
        self.orders(lines)?;
        self.world.advance_to(self.world.clock() + 30);
        if !self.world.window()?.traded && !lines.is_empty() {
            return Err(DemoError::Story("orders of the story did not meet".into()));
        }
        self.world.advance_to(self.world.clock() + 30);
        Ok(())
    }

    /// A batch that leaves nothing behind.
    fn batch(&mut self, title: &str) -> Result<(), DemoError> {
        let outcome = self.world.batch(title)?;
        if outcome.waiting > 0 {
            return Err(DemoError::Story(format!("{} things did not fit the batch", outcome.waiting)));
        }
        Ok(())
    }

    /// The trader reads the own account, checks it against L1, and signs a withdrawal of a share of what it allows.
    fn withdraw(&mut self, who: &str, percent: i128) -> Result<Cash, DemoError> {
        let Micro(withdrawable) = self.world.read(who)?.standing.withdrawable;
        let whole = i128::from(MICRO);
        let amount = withdrawable * percent / 100 / whole * whole;
        self.say(format!("{who} reads the account with the viewing key: withdrawable {} USD", view::usd(withdrawable)));
        if amount <= 0 {
            return Err(DemoError::Story(format!("{who} can withdraw nothing")));
        }
        let amount = Cash::new(amount)?;
        self.world.withdraw(who, amount)?;
        Ok(amount)
    }

    /// The trader claims on L1 and receives exactly what was signed.
    fn claim(&mut self, who: &str, amount: Cash) -> Result<(), DemoError> {
        let paid = self.world.claim(who)?;
        if paid != amount.get() {
            return Err(DemoError::Story(format!("{who} claimed {paid} micro-units and had withdrawn {amount}")));
        }
        Ok(())
    }

    /// What a long lot of a perpetual has paid so far.
    fn say_funding(&mut self, what: &str) -> Result<(), DemoError> {
        let terms: Terms = what.parse().expect("names of the story are instruments");
        let Micro(a_lot) = self.world.market(&terms)?.index;
        let per_coin = a_lot * i128::from(terms.asset.lots_per_coin());
        self.say(format!("  funding of {terms} so far: longs paid {} USD a coin", view::usd(per_coin)));
        Ok(())
    }
}

/// A model with both indices and the perpetuals' premium.
fn at(btc: f64, eth: f64, premium: f64) -> Model {
    debug_assert!(Asset::ALL.len() == 2, "a model names every asset");
    Model { btc, eth, premium }
}
