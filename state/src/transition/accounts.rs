//! Account entries: the net effect of all lanes, one entry an account.

use super::house::Flow;
use super::markets::Table;
use super::{capacity, BatchInput, Guard};
use crate::account::Account;
use crate::crypto::babyjub::Point;
use crate::crypto::eddsa::EddsaError;
use crate::leaf::{Position, Status, CHUNK, MAX_POSITIONS};
use crate::ledger::{Ledger, HOUSE};
use crate::math::fill::roll;
use crate::math::margin::{check, only_shrank, Margin, Standing};
use crate::math::value::{daily_equity, equity, Holding};
use crate::message::{Action, Binding};
use crate::reject::{Lane, Rejection};
use crate::size::Size;
use crate::units::{AccountSlot, Cash, InstrumentId, Lots, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Entries by slot.
pub(super) type Entries<'a> = BTreeMap<AccountSlot, Entry<'a>>;
/// Positions of a leaf.
type Positions = [Position; MAX_POSITIONS];

/// What fills do to one instrument of an account.
#[derive(Clone, Copy, Debug)]
struct Net {
    instrument: InstrumentId,
    lots: i128,
    reduce_only: bool,
}

/// An account in the batch.
pub(super) struct Entry<'a> {
    /// Account slot.
    pub slot: AccountSlot,
    /// Before the batch, `None` if unopened.
    pub before: Option<&'a Account>,
    /// Being rewritten: keys, epoch and orders as the lanes go by, cash and positions in [`settle`].
    pub after: Option<Account>,
    /// Whether settled positions roll and margin is checked.
    pub touch: bool,
    /// Instrument named by each slot.
    pub ids: [InstrumentId; CHUNK],
    /// Credited deposits, micro-units.
    pub deposited: i128,
    /// Cash of fills before fees, micro-units.
    pub traded: i128,
    /// Fees, micro-units.
    pub fees: i128,
    /// Withdrawn, micro-units.
    pub withdrawn: i128,
    /// Whether there is a withdrawal, of whatever amount.
    pub withdraws: bool,
    /// Fills by instrument, in order of the first fill.
    nets: Vec<Net>,
}

impl Entry<'_> {
    /// Instruments held before the batch.
    pub fn held(&self) -> Vec<InstrumentId> {
        let positions = self.before.iter().flat_map(|account| &account.leaf.positions);
        positions.filter(|p| !p.is_empty()).map(|p| p.id).collect()
    }

    /// Whether fills land on the account.
    pub fn trades(&self) -> bool {
        !self.nets.is_empty()
    }

    /// Adds a fill of signed lots.
    pub fn fill(&mut self, instrument: InstrumentId, lots: i128, reduce_only: bool) {
        match self.nets.iter_mut().find(|net| net.instrument == instrument) {
            Some(net) => {
                net.lots += lots;
                net.reduce_only |= reduce_only;
            }
            None => self.nets.push(Net { instrument, lots, reduce_only }),
        }
    }
}

/// Opens every account that takes part, and pads with accounts never opened, from the top of the tree downward.
pub(super) fn open<'a>(ledger: &'a Ledger, size: &Size, input: &BatchInput) -> Result<Entries<'a>, Rejection> {
    let commands = || input.commands.iter().map(|signed| &signed.command);
    let withdrawals = commands().filter(|command| matches!(command.action, Action::Withdraw { .. }));
    let mut touched: BTreeSet<AccountSlot> = input.touches.iter().copied().collect();
    touched.extend(input.fills.iter().map(|fill| fill.order.binding.account));
    touched.extend(withdrawals.map(|command| command.binding.account));
    let mut slots = touched.clone();
    slots.extend(input.deposits.iter().map(|deposit| deposit.account));
    slots.extend(commands().map(|command| command.binding.account));
    slots.extend(&input.decoys);
    if slots.contains(&HOUSE) {
        return Err(Rejection::HouseSlot);
    }
    if let Some(account) = input.touches.iter().copied().find(|slot| ledger.account(*slot).is_none()) {
        return Err(Rejection::Unopened { account });
    }
    capacity(Lane::Accounts, slots.len(), size.accounts)?;

    // Were there ever no unopened account left, the rest would be decoys.
    let from_the_top = || (1..=AccountSlot::MAX.get()).rev().map(|slot| AccountSlot::new(slot).expect("below 2^24"));
    let unopened = from_the_top().filter(|slot| ledger.account(*slot).is_none());
    let opened = from_the_top().filter(|slot| ledger.account(*slot).is_some());
    let missing = size.accounts - slots.len();
    let padding: Vec<AccountSlot> = unopened.chain(opened).filter(|slot| !slots.contains(slot)).take(missing).collect();
    slots.extend(padding);

    let entry = |slot: AccountSlot| {
        let before = ledger.account(slot);
        Entry {
            slot,
            before,
            after: before.cloned(),
            touch: touched.contains(&slot),
            ids: [InstrumentId::ZERO; CHUNK],
            deposited: 0,
            traded: 0,
            fees: 0,
            withdrawn: 0,
            withdraws: false,
            nets: Vec::new(),
        }
    };
    Ok(slots.into_iter().map(|slot| (slot, entry(slot))).collect())
}

/// An account's entry; every account that takes part has one.
pub(super) fn entry<'e, 'a>(entries: &'e mut Entries<'a>, slot: AccountSlot) -> &'e mut Entry<'a> {
    entries.get_mut(&slot).expect("every account that takes part has an entry")
}

/// The key that signs: that of the old leaf. An account opened in this batch may not sign; its key is given so that the refusal
/// can be for that reason.
pub(super) fn owner(entries: &Entries, slot: AccountSlot) -> Option<Point> {
    let entry = &entries[&slot];
    entry.before.or(entry.after.as_ref()).map(|account| account.leaf.owner)
}

/// The entry of a message's signer: opened before this batch, same deployment, current epoch, valid signature.
pub(super) fn signer<'e, 'a>(
    ledger: &Ledger,
    entries: &'e mut Entries<'a>,
    binding: &Binding,
    verdict: Option<Result<(), EddsaError>>,
    guard: &mut Guard,
) -> Result<&'e mut Entry<'a>, Rejection> {
    let account = binding.account;
    let entry = entry(entries, account);
    let verdict = verdict.ok_or(Rejection::Unopened { account })?;
    guard.require(entry.before.is_some(), || Rejection::JustOpened { account })?;
    guard.require(binding.deployment == ledger.deployment.id, || Rejection::Deployment { account })?;
    let current = entry.before.map_or(0, |before| before.leaf.epoch);
    guard.require(binding.epoch == current, || Rejection::Epoch { account, signed: binding.epoch, current })?;
    guard.take(verdict.map_err(|reason| Rejection::Signature { account, reason }))?;
    Ok(entry)
}

/// Applies the net of deposits, roll, fills and withdrawal to the leaf, and checks what must hold of the result.
pub(super) fn settle(
    entry: &mut Entry,
    size: &Size,
    table: &Table,
    time: Time,
    flow: &mut Flow,
    guard: &mut Guard,
) -> Result<(), Rejection> {
    let account = entry.slot;
    let Some(Account { leaf, orders }) = &mut entry.after else { return Ok(()) };
    let old = leaf.positions;
    if let Some(slot) = (size.slots..MAX_POSITIONS).find(|k| !old[*k].is_empty()) {
        return Err(Rejection::PositionBeyondSlots { account, slot, slots: size.slots });
    }
    let (mut rolled, mut roll_cash) = (old, 0);
    if entry.touch {
        for (k, position) in rolled.iter_mut().enumerate().filter(|(_, p)| !p.is_empty()) {
            entry.ids[k] = position.id;
            let market = table.leaf(position.id);
            if market.status == Status::Settled {
                roll_cash += roll(position.lots, market);
                *position = Position::default();
            }
        }
    }
    let positions = place_fills(account, &entry.nets, &old, rolled, &mut entry.ids, size)?;

    // At most 2^106 + 2^96 + 2^6 * 2^97 before fills, and as much again after them.
    let cash_before = leaf.cash.get() + entry.deposited + roll_cash;
    let cash = cash_before + entry.traded - entry.fees - entry.withdrawn;
    flow.clearing -= roll_cash;
    flow.fees += entry.fees;
    leaf.cash = Cash::new(cash).map_err(|_| Rejection::CashRange { account, cash })?;
    leaf.positions = positions;
    leaf.orders_root = orders.root();
    if !entry.touch {
        return Ok(());
    }

    check_positions(account, &entry.nets, &rolled, &positions, &entry.ids, table, guard)?;
    let now = Standing::of(cash, &holdings(&positions, table));
    if entry.withdraws {
        return check_withdrawal(account, cash, &positions, &now, table, time, guard);
    }
    let held: Vec<(Holding, Lots)> = rolled
        .iter()
        .zip(&positions)
        .filter(|(p, _)| !p.is_empty())
        .map(|(p, after)| (Holding { lots: p.lots, market: table.leaf(p.id) }, after.lots))
        .collect();
    let before =
        Standing { equity: equity(cash_before, &holdings(&rolled, table)), initial: Margin::before(&held).initial() };
    let all_shrank = rolled.iter().zip(&positions).all(|(q, r)| only_shrank(q.lots, r.lots));
    let Standing { equity, initial } = now;
    let verdict = check(&before, &now, all_shrank);
    guard.take(verdict.map_err(|relief| Rejection::Margin { account, equity, initial, relief }))
}

/// Adds net fills to positions. A new position takes the lowest slot that was empty in the old leaf, in order of first fills;
/// one whose fills cancel out needs none.
fn place_fills(
    account: AccountSlot,
    nets: &[Net],
    old: &Positions,
    mut positions: Positions,
    ids: &mut [InstrumentId; CHUNK],
    size: &Size,
) -> Result<Positions, Rejection> {
    for Net { instrument, lots, .. } in nets.iter().copied() {
        let held = (0..size.slots).find(|k| ids[*k] == instrument);
        if held.is_none() && lots == 0 {
            continue;
        }
        let free = || (0..size.slots).find(|k| old[*k].is_empty() && ids[*k] == InstrumentId::ZERO);
        let slot = held.or_else(free).ok_or(Rejection::NoFreeSlot { account, instrument })?;
        ids[slot] = instrument;
        let sum = positions[slot].lots.wide() + lots;
        let lots = Lots::try_from(sum).map_err(|_| Rejection::LotsRange { account, instrument, lots: sum })?;
        positions[slot] = if lots == Lots::ZERO { Position::default() } else { Position { id: instrument, lots } };
    }
    Ok(positions)
}

/// Limits and reduce-only rules. `before` is after the roll.
fn check_positions(
    account: AccountSlot,
    nets: &[Net],
    before: &Positions,
    after: &Positions,
    ids: &[InstrumentId; CHUNK],
    table: &Table,
    guard: &mut Guard,
) -> Result<(), Rejection> {
    for (k, instrument) in ids.iter().copied().enumerate().filter(|(_, id)| *id != InstrumentId::ZERO) {
        let (before, after) = (before[k].lots, after[k].lots);
        if only_shrank(before, after) {
            continue;
        }
        let market = table.leaf(instrument);
        let limit = market.limit;
        let broken = || Rejection::PositionLimit { account, instrument, before, after, limit };
        guard.require(after.get().abs() <= limit.get(), broken)?;
        let broken = || Rejection::ReduceOnlyMarket { account, instrument, before, after };
        guard.require(market.status != Status::ReduceOnly, broken)?;
    }
    for Net { instrument, .. } in nets.iter().copied().filter(|net| net.reduce_only) {
        let place = ids.iter().position(|id| *id == instrument);
        let lots = |positions: &Positions| place.map_or(Lots::ZERO, |k| positions[k].lots);
        let (before, after) = (lots(before), lots(after));
        // Without a position there is nothing to reduce, even if the fills cancel out.
        let reduces = place.is_some() && only_shrank(before, after);
        guard.require(reduces, || Rejection::ReduceOnlyOrder { account, instrument, before, after })?;
    }
    Ok(())
}

/// A withdrawal leaves initial margin covered at both marks, without exception, and nothing unsettled behind.
fn check_withdrawal(
    account: AccountSlot,
    cash: i128,
    positions: &Positions,
    now: &Standing,
    table: &Table,
    time: Time,
    guard: &mut Guard,
) -> Result<(), Rejection> {
    for position in positions.iter().filter(|p| !p.is_empty()) {
        let market = table.leaf(position.id);
        let waits = market.expiry <= time && market.status != Status::Settled;
        let broken = || Rejection::WithdrawalAwaitsSettlement { account, instrument: position.id };
        guard.require(!waits, broken)?;
    }
    let Standing { equity, initial } = *now;
    guard.require(equity >= initial, || Rejection::WithdrawalOverEquity { account, equity, initial })?;
    let equity = daily_equity(cash, &holdings(positions, table));
    guard.require(equity >= initial, || Rejection::WithdrawalOverDailyEquity { account, equity, initial })
}

fn holdings<'a>(positions: &Positions, table: &'a Table) -> Vec<Holding<'a>> {
    let held = positions.iter().filter(|p| !p.is_empty());
    held.map(|p| Holding { lots: p.lots, market: table.leaf(p.id) }).collect()
}

/// Nothing appears and nothing vanishes: cash of accounts and house changes by deposits minus withdrawals, and fills leave the
/// lots of every instrument at zero net. It follows from the rules, and is asserted because a settlement system that is
/// wrong must stop.
pub(super) fn assert_conservation(entries: &Entries, flow: &Flow, guard: &Guard) {
    if !guard.is_clean() {
        return;
    }
    let (mut cash, mut outside) = (flow.total(), 0i128);
    let mut lots: BTreeMap<InstrumentId, i128> = BTreeMap::new();
    for entry in entries.values() {
        let of = |account: Option<&Account>| account.map_or(0, |account| account.leaf.cash.get());
        cash += of(entry.after.as_ref()) - of(entry.before);
        outside += entry.deposited - entry.withdrawn;
        for net in &entry.nets {
            *lots.entry(net.instrument).or_default() += net.lots;
        }
    }
    assert_eq!(cash, outside, "cash of accounts and house changed by something else than deposits and withdrawals");
    assert!(lots.values().all(|sum| *sum == 0), "fills do not net to zero: {lots:?}");
}
