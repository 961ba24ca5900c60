//! Orders and quotes from tables.
//!
//! A table's minute is an auction window. Windows of one oracle round go into the same batches, because a batch has one markets root; the
//! oracle role quotes anew every [`ROUND_MINUTES`]. Without a markets table the built-in market quotes whatever the orders name.

use super::script::START;
use super::view::usd;
use super::world::{World, MAX_TRADERS};
use super::DemoError;
use crate::calendar::show;
use crate::client::{ClientError, NewOrder};
use crate::instrument::{Asset, Terms, MICRO};
use crate::oracle::model::Model;
use crate::oracle::rounds::{Quote, Snapshot};
use crate::tables::markets::{MarketsTable, Quoted};
use crate::tables::orders::OrderLine;
use crate::wire::ExecutionName;
use novation_state::units::{Cash, Fee, InstrumentId, Time};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Minutes between rounds of the oracle role: a mark may be traded on for fifteen.
const ROUND_MINUTES: i64 = 5;
/// Seconds into a minute at which its window ends.
const WINDOW_END: i64 = 50;
/// Share of what may be withdrawn that the first trader withdraws at the end, in percent.
const WITHDRAWN_PERCENT: i128 = 25;
/// Refusals that are told one by one.
const TOLD: usize = 5;

/// What is replayed.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Orders, by minute.
    pub orders: Vec<OrderLine>,
    /// Quotes; without them the built-in market.
    pub markets: Option<MarketsTable>,
    /// What every trader deposits, in dollars.
    pub deposit_usd: i64,
    /// Trading batches to make at most.
    pub batches: usize,
}

impl Tables {
    /// When the clock starts.
    pub fn start(&self) -> i64 {
        self.markets.as_ref().and_then(MarketsTable::start).unwrap_or(START)
    }

    /// The traders, in order of their first lines.
    fn traders(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for line in &self.orders {
            if !names.contains(&line.trader.as_str()) {
                names.push(&line.trader);
            }
        }
        names
    }
}

/// Where quotes come from.
enum Feed<'t> {
    Table { table: &'t MarketsTable, index: BTreeMap<Asset, f64>, quotes: BTreeMap<Terms, Quote>, read_to: i64 },
    Model { model: Model, listed: Vec<Terms> },
}

impl<'t> Feed<'t> {
    fn new(tables: &'t Tables) -> Feed<'t> {
        match &tables.markets {
            Some(table) => Feed::Table { table, index: BTreeMap::new(), quotes: BTreeMap::new(), read_to: i64::MIN },
            None => {
                let mut listed: Vec<Terms> = tables.orders.iter().map(|line| line.terms).collect();
                listed.sort();
                listed.dedup();
                Feed::Model { model: Model { btc: 88_500.0, eth: 2_950.0, premium: 0.000_6 }, listed }
            }
        }
    }

    /// What is known at table time `until`, as a round at clock time `now`.
    fn snapshot(&mut self, until: i64, now: i64) -> Snapshot {
        match self {
            Feed::Table { table, index, quotes, read_to } => {
                let news = table.rows.range((Bound::Excluded(*read_to), Bound::Included(until)));
                for row in news.flat_map(|(_, rows)| rows) {
                    match row {
                        Quoted::Index(asset, usd) => drop(index.insert(*asset, *usd)),
                        Quoted::Instrument(terms, quote) => drop(quotes.insert(*terms, *quote)),
                    }
                }
                *read_to = until;
                let time = Time::new(now).expect("the clock is a time of this century");
                Snapshot { time, index: index.clone(), quotes: quotes.clone(), settlements: BTreeMap::new() }
            }
            Feed::Model { model, listed } => model.snapshot(now, listed.iter()),
        }
    }
}

/// Replays tables, and returns whose account is shown at the end: the first trader's.
///
/// # Errors
/// [`DemoError`].
pub fn play(world: &mut World, tables: &Tables) -> Result<String, DemoError> {
    let traders = tables.traders();
    if traders.len() > MAX_TRADERS {
        return Err(DemoError::TooManyTraders { found: traders.len(), most: MAX_TRADERS });
    }
    let first = traders.first().ok_or_else(|| DemoError::NothingTraded("the table is empty".into()))?.to_string();
    let mut feed = Feed::new(tables);
    let start = tables.start();
    round(world, &mut feed, start)?;
    let deposits: Vec<(&str, i64)> = traders.iter().map(|name| (*name, tables.deposit_usd)).collect();
    world.deposit(&deposits)?;
    while world.deposits_wait()? {
        world.batch("deposits")?;
    }

    let deposit_batches = world.records.batches.len();
    let last = tables.orders.iter().map(|line| line.minute + line.minutes - 1).max().unwrap_or(0);
    let mut lines = tables.orders.iter().peekable();
    // Table minute 0 happens now, or when the table says, whichever is later.
    world.advance_to(start);
    let origin = world.clock();
    let (mut minute, mut refusals) = (0, 0);
    while minute <= last && world.records.batches.len() - deposit_batches < tables.batches {
        world.advance_to(origin + 60 * minute);
        world.screen.say(format!("\n{} minute {minute}", show(world.clock())));
        round(world, &mut feed, start + 60 * minute)?;
        let mut traded = false;
        for _ in 0..ROUND_MINUTES {
            world.advance_to(origin + 60 * minute);
            while let Some(line) = lines.next_if(|line| line.minute <= minute) {
                refusals += usize::from(!send(world, line, refusals < TOLD)?);
            }
            world.advance_to(origin + 60 * minute + WINDOW_END);
            traded |= world.window()?.traded;
            minute += 1;
        }
        while traded && world.records.batches.len() - deposit_batches < tables.batches {
            traded = world.batch("orders of the table")?.waiting > 0;
        }
    }
    let left = lines.count();
    if left > 0 {
        world.screen.say(format!("{left} orders are left: --batches {} was reached", tables.batches));
    }
    if refusals > TOLD {
        world.screen.say(format!("{} more orders were refused", refusals - TOLD));
    }
    if world.records.batches.len() == deposit_batches {
        let what = format!(
            "{} orders of {} traders, none crossed within its band and margin",
            tables.orders.len(),
            traders.len()
        );
        return Err(DemoError::NothingTraded(what));
    }
    withdraw(world, &first)?;
    Ok(first)
}

/// Quotes, and lists what is quoted for the first time.
fn round(world: &mut World, feed: &mut Feed, until: i64) -> Result<(), DemoError> {
    let snapshot = feed.snapshot(until, world.clock());
    let new: Vec<Terms> = snapshot.quotes.keys().filter(|terms| world.oracle().id(terms).is_none()).copied().collect();
    world.round(&snapshot, &new)
}

/// Sends an order; false if the node refused it.
fn send(world: &mut World, line: &OrderLine, tell: bool) -> Result<bool, DemoError> {
    let market = match world.market(&line.terms) {
        Err(ClientError::NotListed { .. }) => return Err(DemoError::NotListed { line: line.line, terms: line.terms }),
        market => market?,
    };
    let wish = NewOrder {
        instrument: InstrumentId::new(market.id)?,
        side: line.side,
        lots: line.lots,
        limit: line.limit,
        peg_offset: line.peg,
        valid_until: Time::new(world.clock() + 60 * line.minutes - 1)?,
        fee_cap: Fee::try_from(market.fee.0)?,
        reduce_only: line.reduce_only,
        execution: ExecutionName::UntilValid,
    };
    match world.order(&line.trader, &wish) {
        Ok(()) => Ok(true),
        Err(ClientError::Refused(reason)) => {
            if tell {
                world.screen.say(format!("  line {}: {}'s order is refused: {reason}", line.line, line.trader));
            }
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// The trader withdraws some of what margin leaves free, if it leaves anything, and claims it.
fn withdraw(world: &mut World, who: &str) -> Result<(), DemoError> {
    let free = world.read(who)?.standing.withdrawable.0;
    let amount = free * WITHDRAWN_PERCENT / 100 / i128::from(MICRO) * i128::from(MICRO);
    world.screen.say(format!("\n{who} reads the account with the viewing key: withdrawable {} USD", usd(free)));
    if amount <= 0 {
        return Ok(());
    }
    world.withdraw(who, Cash::new(amount)?)?;
    // Fills of windows that still wait go first: an account either trades or commands in a batch.
    while world.batch("a withdrawal")?.commands == 0 {}
    let paid = world.claim(who)?;
    if paid != amount {
        return Err(DemoError::Story(format!("{who} claimed {paid} micro-units and had withdrawn {amount}")));
    }
    Ok(())
}
