//! The own account, without believing the venue: the leaf is opened with the viewing key, found under the accounts root, and valued by
//! the rules of `state` at the instruments' leaves, whose root is computed here. With an L1 at hand both roots must be those that the
//! contract accepted; without one the venue answers for them.

use super::{l1, ClientError, Trader};
use crate::instrument::Terms;
use crate::wire::{AccountView, InstrumentView, KindName, LeafView, MarksView, Micro, Standing, StatusName, Word};
use ark_bn254::Fr;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::viewing::ViewingKey;
use novation_state::leaf::{AccountLeaf, Kind, MarketLeaf, Status, NEVER, SCENARIOS};
use novation_state::markets::Markets;
use novation_state::math::margin::{withdrawable, Margin};
use novation_state::math::value::{equity, Holding};
use novation_state::trace::{Path, ACCOUNTS_DEPTH};
use novation_state::tree;
use novation_state::units::{
    AccountSlot, Charge, Fee, InstrumentId, Lots, OutOfRange, PerLot, Strike, TickValue, Ticks, Time,
};
use novation_verifier::l1::L1;
use novation_verifier::watch::open::{self, OpenError, Published};
use std::time::Duration;

/// How often account, leaf and markets are asked for until they are of one moment.
const ATTEMPTS: u32 = 5;
/// Wait between them.
const PAUSE: Duration = Duration::from_millis(200);

/// What L1 says to the batch that the account was read after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnL1 {
    /// No L1 was asked.
    NotAsked,
    /// L1 accepted this root for this batch.
    Accepted,
    /// The batch is not on L1 yet: the venue alone answers for it.
    NotYet {
        /// The last batch that L1 accepted.
        last: u64,
    },
}

/// An account that was checked.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The opened leaf.
    pub leaf: AccountLeaf,
    /// The batch after which it stands so.
    pub batch: u64,
    /// The accounts root that it stands under.
    pub root: Fr,
    /// The markets whose root was computed.
    pub markets: Markets,
    /// Number of their root.
    pub markets_number: u32,
    /// Equity and margin, computed here.
    pub standing: Standing,
    /// The batch on L1.
    pub on_l1: OnL1,
    /// The markets on L1.
    pub markets_on_l1: OnL1,
    /// The venue's own words, which agree.
    pub view: AccountView,
}

/// Opens a leaf as the venue serves it: under its root, with the viewing key, for one of the owner keys.
///
/// # Errors
/// [`ClientError::Path`], [`ClientError::Open`].
pub fn open_leaf(
    view: &LeafView,
    account: AccountSlot,
    owners: &[Point],
    key: &ViewingKey,
) -> Result<AccountLeaf, ClientError> {
    let path = path_of(view).filter(|_| view.slot == account.get()).ok_or(ClientError::Path { account })?;
    let index = u64::try_from(account.get()).expect("slots are not negative");
    tree::verify(view.root.0, index, view.leaf.0, &path).map_err(|_| ClientError::Path { account })?;
    let published =
        Published { batch: view.rewritten, ephemeral: view.ephemeral.into(), slot: account, hash: view.leaf.0 };
    let words: Vec<Fr> = view.ciphertext.iter().map(|word| word.0).collect();
    let ciphertext = words.try_into().map_err(|_| ClientError::Path { account })?;
    let mut refused = OpenError::Hash { slot: account };
    for owner in owners {
        match open::account(&published, &ciphertext, *owner, key) {
            Ok(leaf) => return Ok(leaf),
            Err(error) => refused = error,
        }
    }
    Err(ClientError::Open(refused, account))
}

fn path_of(view: &LeafView) -> Option<Path<ACCOUNTS_DEPTH>> {
    let level =
        |words: &Vec<Word>| -> Option<[Fr; 3]> { words.iter().map(|word| word.0).collect::<Vec<_>>().try_into().ok() };
    let levels: Option<Vec<[Fr; 3]>> = view.path.iter().map(level).collect();
    levels?.try_into().ok()
}

/// The markets that these instruments make, with their root. `None` if the marks are of another moment.
///
/// # Errors
/// [`ClientError::Markets`], [`ClientError::Range`].
pub fn markets_of(instruments: &[InstrumentView], marks: &MarksView) -> Result<Option<Markets>, ClientError> {
    let range = |reason| ClientError::Range { what: "instruments", reason };
    let shown = |view: &InstrumentView| (view.id, view.mark, view.mark_time, view.status);
    let marked = marks.marks.iter().map(|mark| (mark.instrument, mark.mark, mark.mark_time, mark.status));
    if !instruments.iter().map(shown).eq(marked) {
        return Ok(None);
    }
    let mut leaves = Vec::with_capacity(instruments.len());
    for view in instruments {
        leaves.push((InstrumentId::new(view.id).map_err(range)?, leaf_of(view).map_err(range)?));
    }
    let mut markets = Markets::new();
    if !leaves.is_empty() {
        let time = Time::new(marks.time).map_err(range)?;
        markets.update(leaves, time).map_err(ClientError::Markets)?;
    }
    Ok(Some(markets))
}

/// Equity and margin of a leaf.
pub fn standing(leaf: &AccountLeaf, markets: &Markets) -> Option<Standing> {
    let held = leaf.positions.iter().filter(|position| !position.is_empty());
    let holdings: Option<Vec<Holding>> =
        held.map(|position| Some(Holding { lots: position.lots, market: markets.get(position.id)? })).collect();
    let holdings = holdings?;
    let margin = Margin::of(&holdings);
    let cash = leaf.cash.get();
    Some(Standing {
        equity: Micro(equity(cash, &holdings)),
        initial: Micro(margin.initial()),
        maintenance: Micro(margin.maintenance()),
        withdrawable: Micro(withdrawable(cash, &holdings)),
    })
}

/// The leaf that an instrument's view shows; every field of the leaf is in the view.
fn leaf_of(view: &InstrumentView) -> Result<MarketLeaf, OutOfRange> {
    let mut risk = [PerLot::ZERO; SCENARIOS];
    if view.risk.len() != SCENARIOS {
        return Err(OutOfRange { unit: "scenarios", value: view.risk.len() as i128 });
    }
    for (entry, micro) in risk.iter_mut().zip(&view.risk) {
        *entry = PerLot::try_from(micro.0)?;
    }
    Ok(MarketLeaf {
        kind: match view.kind {
            KindName::Future => Kind::Future,
            KindName::Perpetual => Kind::Perpetual,
            KindName::Call => Kind::Call,
            KindName::Put => Kind::Put,
        },
        underlying: view.underlying,
        tick_value: TickValue::try_from(view.tick_value.0)?,
        expiry: view.expiry.map_or(Ok(NEVER), Time::new)?,
        strike: Strike::new(view.strike.unwrap_or(0))?,
        status: match view.status {
            StatusName::Open => Status::Open,
            StatusName::ReduceOnly => Status::ReduceOnly,
            StatusName::Halted => Status::Halted,
            StatusName::Settled => Status::Settled,
        },
        mark_time: Time::new(view.mark_time)?,
        mark: Ticks::new(view.mark)?,
        daily_mark: Ticks::new(view.daily_mark)?,
        settlement: PerLot::try_from(view.settlement.map_or(0, |micro| micro.0))?,
        index: PerLot::try_from(view.index.0)?,
        risk,
        charge_long: Charge::try_from(view.charge_long.0)?,
        charge_short: Charge::try_from(view.charge_short.0)?,
        free: Lots::new(view.free)?,
        excess_charge: Charge::try_from(view.excess_charge.0)?,
        limit: Lots::new(view.limit)?,
        fee: Fee::try_from(view.fee.0)?,
        band_low: Ticks::new(view.band_low)?,
        band_high: Ticks::new(view.band_high)?,
    })
}

/// The instrument of a name, with its id and terms. The terms are read off the leaf's own fields: a venue that calls an instrument
/// by another's name gets no signature for it.
///
/// # Errors
/// [`ClientError::NotListed`], [`ClientError::Misnamed`].
pub fn instrument_of<'a>(
    instruments: &'a [InstrumentView],
    name: &str,
) -> Result<(&'a InstrumentView, Terms), ClientError> {
    let not_listed = || ClientError::NotListed { name: name.to_owned() };
    let view = instruments.iter().find(|view| view.name == name).ok_or_else(not_listed)?;
    let leaf = leaf_of(view).map_err(|reason| ClientError::Range { what: "instruments", reason })?;
    match Terms::of(&leaf) {
        Some(terms) if terms.to_string() == name => Ok((view, terms)),
        other => Err(ClientError::Misnamed {
            id: view.id,
            name: name.to_owned(),
            terms: other.map_or("nothing known".to_owned(), |terms| terms.to_string()),
        }),
    }
}

impl Trader {
    /// The account, checked: opened, under its root, valued at markets of a computed root, equal to the venue's words; and
    /// both roots compared with the contract's, where an L1 is given.
    ///
    /// # Errors
    /// [`ClientError`]: the first check that fails.
    pub async fn verified(&mut self, now: Time, l1: Option<&L1>) -> Result<Verified, ClientError> {
        let mut attempt = 1;
        let (leaf_view, marks, markets, view) = loop {
            let view = self.account_view(now).await?;
            let marks = self.rest.marks().await?;
            let markets = markets_of(&self.rest.instruments().await?, &marks)?;
            let leaf = self.rest.leaf(self.account).await?;
            // Four answers: a batch or a round of marks may lie between them.
            let one_moment = leaf.batch == view.batch && marks.number == view.markets;
            match markets.filter(|_| one_moment) {
                Some(markets) => break (leaf, marks, markets, view),
                None if attempt >= ATTEMPTS => return Err(ClientError::Moving { attempts: ATTEMPTS }),
                None => attempt += 1,
            }
            tokio::time::sleep(PAUSE).await;
        };
        let leaf = self.open(&leaf_view)?;
        let standing = standing(&leaf, &markets).ok_or(ClientError::HeldUnlisted { account: self.account })?;
        for (what, shown, computed) in [
            ("equity", view.standing.equity, standing.equity),
            ("initial margin", view.standing.initial, standing.initial),
            ("maintenance margin", view.standing.maintenance, standing.maintenance),
            ("withdrawable", view.standing.withdrawable, standing.withdrawable),
        ] {
            if shown != computed {
                return Err(ClientError::Account { what, shown: shown.0, computed: computed.0 });
            }
        }
        let (on_l1, markets_on_l1) = match l1 {
            None => (OnL1::NotAsked, OnL1::NotAsked),
            Some(chain) => (
                l1::check_batch(chain, leaf_view.batch, &leaf_view.root.0).await?,
                l1::check_markets(chain, marks.number, &markets.root()).await?,
            ),
        };
        let (batch, root, markets_number) = (leaf_view.batch, leaf_view.root.0, marks.number);
        Ok(Verified { leaf, batch, root, markets, markets_number, standing, on_l1, markets_on_l1, view })
    }

    /// Opens the own leaf, and goes over to the owner key that it has if a rotation was carried out.
    fn open(&mut self, view: &LeafView) -> Result<AccountLeaf, ClientError> {
        let owners: Vec<Point> = [Some(self.wallet.owner()), self.wallet.next_owner()].into_iter().flatten().collect();
        let leaf = open_leaf(view, self.account, &owners, self.wallet.viewing())?;
        self.wallet.settle_rotation(&leaf.owner)?;
        Ok(leaf)
    }

    /// If a rotation is under way, looks whether a batch has carried it out, and goes over to the new key if so. True if
    /// the wallet's key is the account's without a rotation under way.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn settle_rotation(&mut self) -> Result<bool, ClientError> {
        if self.wallet.next_owner().is_some() {
            let view = self.rest.leaf(self.account).await?;
            self.open(&view)?;
            if self.wallet.next_owner().is_none() {
                self.forget_credential();
            }
        }
        Ok(self.wallet.next_owner().is_none())
    }
}
