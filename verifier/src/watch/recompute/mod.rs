//! The independent auditor: every account computed again from signed requests, announced fills and L1 alone.
//!
//! It is given what traders signed, what the venue says it filled (price and lots of each order, by window) and when commands
//! took effect; from L1 it takes deposits, markets and the public data of batches. It never sees a ledger, a log or an engine. Messages,
//! signatures and types come from `novation_state`; everything that moves money or lots is written here a second time, in
//! plain integers:
//!
//! - a fill of q signed lots at p: `cash -= q * (p * tick_value - index) + |q| * fee`, position `+= q`;
//! - a fill, a withdrawal or a touch first turns settled positions into `q * (settlement - index)` of cash, out of the clearing balance;
//! - a credited deposit adds its amount, a withdrawal takes exactly the signed amount, fees go to the house.
//!
//! What it does not judge is margin: the proofs do, and it needs no other opinion to add up money.

mod error;

pub use error::RecomputeError;

use crate::l1::Submission;
use ark_bn254::Fr;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa;
use novation_state::leaf::{AccountLeaf, HouseLeaf, MarketLeaf, Status};
use novation_state::message::{Action, Binding, Side};
use novation_state::transition::{Fill, SignedCommand};
use novation_state::units::{AccountSlot, InstrumentId};
use std::collections::{BTreeMap, BTreeSet};

/// What the venue says happened in a batch, with the signatures that allow it.
#[derive(Clone, Debug, Default)]
pub struct Announced {
    /// Fills in the order of the log: the signed order, and window, price and lots of the fill.
    pub fills: Vec<Fill>,
    /// Commands in the order of the log.
    pub commands: Vec<SignedCommand>,
    /// Accounts whose settled positions were rolled without a request of theirs.
    pub touches: Vec<AccountSlot>,
}

/// An account as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The owner's key.
    pub owner: Point,
    /// Micro-units.
    pub cash: i128,
    /// Signed lots by instrument, none of them zero.
    pub positions: BTreeMap<InstrumentId, i128>,
    /// Cancel epoch.
    pub epoch: u32,
    /// By order slot: the last nonce and the lots it has filled; `None` when it was cancelled.
    orders: BTreeMap<u8, (u32, Option<i128>)>,
}

/// Sums that the public can compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Micro-units of accounts.
    pub accounts: i128,
    /// Micro-units of the house.
    pub house: i128,
    /// Lots held long by live instrument: its open interest.
    pub open_interest: BTreeMap<InstrumentId, i128>,
}

/// Accounts and house after the batches given so far.
#[derive(Clone, Debug)]
pub struct Recomputation {
    deployment: Fr,
    batch: u32,
    accounts: BTreeMap<AccountSlot, Holding>,
    /// Leaves of an instrument by the number of the markets that wrote them.
    markets: BTreeMap<InstrumentId, BTreeMap<u32, MarketLeaf>>,
    clearing: i128,
    fees: i128,
    vault: i128,
}

impl Recomputation {
    /// Before the first event, for the contract of this deployment id.
    pub fn new(deployment: Fr) -> Self {
        Self {
            deployment,
            batch: 0,
            accounts: BTreeMap::new(),
            markets: BTreeMap::new(),
            clearing: 0,
            fees: 0,
            vault: 0,
        }
    }

    /// Takes the leaves that markets `number` changed.
    pub fn markets(&mut self, number: u32, changes: impl IntoIterator<Item = (InstrumentId, MarketLeaf)>) {
        for (id, leaf) in changes {
            self.markets.entry(id).or_default().insert(number, leaf);
        }
    }

    /// The accounts as they must be.
    pub fn accounts(&self) -> &BTreeMap<AccountSlot, Holding> {
        &self.accounts
    }

    /// Whether a batch under markets `number` rolled settled positions of an account, to be asked before the batch is taken. The leaf that the
    /// batch wrote tells: nobody else knows of a touch, and a fill or a withdrawal shows by itself. What the roll was worth is
    /// computed here all the same.
    pub fn rolled(&self, account: AccountSlot, leaf: &AccountLeaf, number: u32) -> bool {
        let held = self.accounts.get(&account).into_iter().flat_map(|holding| holding.positions.keys());
        let mut settled = held.filter(|id| self.market(**id, number).is_some_and(|m| m.status == Status::Settled));
        settled.any(|id| leaf.positions.iter().all(|position| position.is_empty() || position.id != *id))
    }

    fn market(&self, id: InstrumentId, number: u32) -> Option<&MarketLeaf> {
        self.markets.get(&id)?.range(..=number).next_back().map(|(_, leaf)| leaf)
    }

    /// Takes a batch from L1 with what the venue announced of it.
    ///
    /// # Errors
    /// [`RecomputeError`]; then nothing changed.
    pub fn batch(&mut self, submission: &Submission, announced: &Announced) -> Result<(), RecomputeError> {
        let mut next = self.clone();
        next.take(submission, announced)?;
        *self = next;
        Ok(())
    }

    fn take(&mut self, submission: &Submission, announced: &Announced) -> Result<(), RecomputeError> {
        let header = &submission.batch.header;
        let (batch, number) = (header.batch, header.markets_number);
        if batch != self.batch + 1 {
            return Err(RecomputeError::Order { last: self.batch, found: batch });
        }
        self.batch = batch;
        self.check_signatures(announced)?;
        self.check_auctions(announced)?;
        self.check_withdrawals(submission, announced)?;
        for deposit in submission.batch.deposits.iter().filter(|deposit| deposit.credited) {
            let account = AccountSlot::new(i64::from(deposit.slot)).expect("24 bits");
            let owner = Point { x: deposit.owner_eighth[0], y: deposit.owner_eighth[1] }.mul8();
            let fresh = || Holding { owner, cash: 0, positions: BTreeMap::new(), epoch: 0, orders: BTreeMap::new() };
            let amount = i128::try_from(deposit.amount).expect("96 bits");
            self.accounts.entry(account).or_insert_with(fresh).cash += amount;
            self.vault += amount;
        }
        let withdraws = |signed: &&SignedCommand| matches!(signed.command.action, Action::Withdraw { .. });
        let mut touched: BTreeSet<AccountSlot> = announced.touches.iter().copied().collect();
        touched.extend(announced.fills.iter().map(|fill| fill.order.binding.account));
        touched.extend(announced.commands.iter().filter(withdraws).map(|signed| signed.command.binding.account));
        for account in touched {
            self.roll(account, number);
        }
        for fill in &announced.fills {
            self.fill(fill, header)?;
        }
        for signed in &announced.commands {
            self.command(signed);
        }
        Ok(())
    }

    /// Keys and epochs are those before the batch.
    fn check_signatures(&self, announced: &Announced) -> Result<(), RecomputeError> {
        let check = |binding: &Binding, hash: Fr, signature: &eddsa::Signature| {
            let holder = self.accounts.get(&binding.account).filter(|holder| {
                binding.deployment == self.deployment
                    && binding.epoch == holder.epoch
                    && eddsa::verify(&holder.owner, hash, signature).is_ok()
            });
            holder.map(|_| ()).ok_or(RecomputeError::Signature { batch: self.batch, account: binding.account })
        };
        for fill in &announced.fills {
            check(&fill.order.binding, fill.order.hash(), &fill.signature)?;
        }
        for signed in &announced.commands {
            check(&signed.command.binding, signed.command.hash(), &signed.signature)?;
        }
        Ok(())
    }

    /// Each auction has one price and nets to zero.
    fn check_auctions(&self, announced: &Announced) -> Result<(), RecomputeError> {
        let mut auctions: BTreeMap<(i64, InstrumentId), (BTreeSet<i64>, i128)> = BTreeMap::new();
        for fill in &announced.fills {
            let auction = auctions.entry((fill.window.get(), fill.order.instrument)).or_default();
            auction.0.insert(fill.price.get());
            auction.1 += signed_lots(fill);
        }
        match auctions.into_iter().find(|(_, (prices, net))| prices.len() != 1 || *net != 0) {
            Some(((window, instrument), (prices, net))) => {
                let prices = prices.into_iter().collect();
                Err(RecomputeError::Auction { batch: self.batch, window, instrument, prices, net })
            }
            None => Ok(()),
        }
    }

    fn check_withdrawals(&self, submission: &Submission, announced: &Announced) -> Result<(), RecomputeError> {
        let mut paid: Vec<([u8; 20], u64, i128)> =
            submission.batch.withdrawals.iter().map(|w| (w.recipient, w.chain, w.amount as i128)).collect();
        let mut signed: Vec<([u8; 20], u64, i128)> = announced
            .commands
            .iter()
            .filter_map(|signed| match signed.command.action {
                Action::Withdraw { amount, recipient, chain } => Some((recipient, chain, amount.get())),
                _ => None,
            })
            .collect();
        paid.sort_unstable();
        signed.sort_unstable();
        let counts = (paid.len(), signed.len());
        if paid == signed {
            Ok(())
        } else {
            Err(RecomputeError::Withdrawals { batch: self.batch, paid: counts.0, signed: counts.1 })
        }
    }

    /// Settled positions become cash.
    fn roll(&mut self, account: AccountSlot, number: u32) {
        let Some(held) = self.accounts.get(&account).map(|holding| holding.positions.clone()) else { return };
        for (id, lots) in held {
            let Some(leaf) = self.market(id, number).filter(|leaf| leaf.status == Status::Settled) else { continue };
            let value = lots * i128::from(leaf.settlement.get() - leaf.index.get());
            let holding = self.accounts.get_mut(&account).expect("it was just read");
            holding.positions.remove(&id);
            holding.cash += value;
            self.clearing -= value;
        }
    }

    fn fill(&mut self, fill: &Fill, header: &crate::batch::Header) -> Result<(), RecomputeError> {
        let (order, batch) = (&fill.order, self.batch);
        let Binding { account, order_slot, nonce, .. } = order.binding;
        let broken = |rule| RecomputeError::Fill { batch, account, order_slot, nonce, rule };
        let leaf =
            self.market(order.instrument, header.markets_number).ok_or(broken("the instrument is not listed"))?;
        let (price, lots) = (i128::from(fill.price.get()), i128::from(fill.fill.get()));
        let better = |limit: i128| match order.side {
            Side::Buy => price <= limit,
            Side::Sell => price >= limit,
        };
        let window = fill.window.get() as u64;
        let rules = [
            (lots > 0, "the fill is not positive"),
            ((header.window_first..=header.window_last).contains(&window), "the window is not the batch's"),
            (better(i128::from(order.limit.get())), "the price is worse than the limit"),
            (
                order.peg_offset.is_none_or(|offset| better(i128::from(leaf.mark.get()) + i128::from(offset))),
                "the price is worse than the peg",
            ),
            (leaf.fee.get() <= order.fee_cap.get(), "the fee is over the cap"),
            (header.time <= order.valid_until.get() as u64, "the order was no longer valid"),
            (header.time < leaf.expiry.get() as u64, "the instrument had expired"),
        ];
        if let Some((_, rule)) = rules.iter().find(|(holds, _)| !holds) {
            return Err(broken(rule));
        }
        let per_lot = price * i128::from(leaf.tick_value.get()) - i128::from(leaf.index.get());
        let (signed, fee) = (signed_lots(fill), lots * i128::from(leaf.fee.get()));
        let holding = self.accounts.get_mut(&account).expect("its signature was checked");
        let filled = match holding.orders.get(&order_slot) {
            Some((last, _)) if nonce < *last => return Err(broken("a newer nonce was used")),
            Some((last, None)) if nonce == *last => return Err(broken("it was cancelled")),
            Some((last, Some(filled))) if nonce == *last => filled + lots,
            _ => lots,
        };
        if filled > i128::from(order.lots.get()) {
            return Err(broken("more was filled than signed"));
        }
        holding.orders.insert(order_slot, (nonce, Some(filled)));
        holding.cash -= signed * per_lot + fee;
        let position = holding.positions.entry(order.instrument).or_default();
        *position += signed;
        if *position == 0 {
            holding.positions.remove(&order.instrument);
        }
        self.fees += fee;
        Ok(())
    }

    fn command(&mut self, signed: &SignedCommand) {
        let Binding { account, order_slot, nonce, .. } = signed.command.binding;
        let holding = self.accounts.get_mut(&account).expect("its signature was checked");
        match signed.command.action {
            Action::Withdraw { amount, .. } => {
                holding.cash -= amount.get();
                self.vault -= amount.get();
                holding.orders.insert(order_slot, (nonce, None));
            }
            Action::Cancel => {
                holding.orders.insert(order_slot, (nonce, None));
            }
            Action::Epoch | Action::Rotate { .. } => {
                holding.epoch += 1;
                holding.orders.clear();
                if let Action::Rotate { owner_eighth } = signed.command.action {
                    holding.owner = owner_eighth.mul8();
                }
            }
        }
    }

    /// Compares with the opened leaves of every account and the house, and with the contract's count of what accounts hold.
    ///
    /// # Errors
    /// [`RecomputeError`], the first difference.
    pub fn compare(
        &self,
        leaves: &BTreeMap<AccountSlot, AccountLeaf>,
        house: &HouseLeaf,
        vault: u128,
    ) -> Result<Totals, RecomputeError> {
        let only_one = |slot: &&AccountSlot| !(leaves.contains_key(slot) && self.accounts.contains_key(slot));
        let strangers: BTreeSet<AccountSlot> =
            leaves.keys().chain(self.accounts.keys()).filter(only_one).copied().collect();
        if !strangers.is_empty() {
            return Err(RecomputeError::Accounts(strangers.into_iter().collect()));
        }
        for (account, holding) in &self.accounts {
            compare_account(*account, holding, &leaves[account])?;
        }
        for (what, found, expected) in [
            ("clearing", house.clearing, self.clearing),
            ("fee", house.fees, self.fees),
            ("insurance", house.insurance, 0),
        ] {
            if found.get() != expected {
                return Err(RecomputeError::House { what, found: found.get(), expected });
            }
        }
        let vault = i128::try_from(vault).expect("a token's supply in micro-units is below 2^127");
        if vault != self.vault {
            return Err(RecomputeError::Vault { vault, expected: self.vault });
        }
        self.totals()
    }

    /// Sums of money, and open interest of live instruments.
    ///
    /// # Errors
    /// [`RecomputeError::OpenInterest`], [`RecomputeError::Vault`].
    pub fn totals(&self) -> Result<Totals, RecomputeError> {
        let accounts: i128 = self.accounts.values().map(|holding| holding.cash).sum();
        let mut totals = Totals { accounts, house: self.clearing + self.fees, ..Totals::default() };
        let mut net: BTreeMap<InstrumentId, i128> = BTreeMap::new();
        for (id, lots) in self.accounts.values().flat_map(|holding| &holding.positions) {
            let settled = self.market(*id, u32::MAX).is_some_and(|leaf| leaf.status == Status::Settled);
            if !settled {
                *totals.open_interest.entry(*id).or_default() += lots.max(&0);
                *net.entry(*id).or_default() += lots;
            }
        }
        if let Some((instrument, net)) = net.into_iter().find(|(_, net)| *net != 0) {
            return Err(RecomputeError::OpenInterest { instrument, net });
        }
        if totals.accounts + totals.house != self.vault {
            return Err(RecomputeError::Vault { vault: self.vault, expected: totals.accounts + totals.house });
        }
        Ok(totals)
    }
}

fn signed_lots(fill: &Fill) -> i128 {
    let lots = i128::from(fill.fill.get());
    match fill.order.side {
        Side::Buy => lots,
        Side::Sell => -lots,
    }
}

fn compare_account(account: AccountSlot, holding: &Holding, leaf: &AccountLeaf) -> Result<(), RecomputeError> {
    let differs = |what: &str, found: String, expected: String| {
        Err(RecomputeError::Account { account, what: what.into(), found, expected })
    };
    if leaf.cash.get() != holding.cash {
        return differs("cash", leaf.cash.get().to_string(), holding.cash.to_string());
    }
    if leaf.epoch != holding.epoch {
        return differs("epoch", leaf.epoch.to_string(), holding.epoch.to_string());
    }
    if leaf.owner != holding.owner {
        return differs("owner", format!("{:?}", leaf.owner), format!("{:?}", holding.owner));
    }
    let found: BTreeMap<InstrumentId, i128> =
        leaf.positions.iter().filter(|p| !p.is_empty()).map(|p| (p.id, i128::from(p.lots.get()))).collect();
    let lots = |positions: &BTreeMap<InstrumentId, i128>, id| positions.get(&id).copied().unwrap_or(0);
    for id in found.keys().chain(holding.positions.keys()) {
        let (found, expected) = (lots(&found, *id), lots(&holding.positions, *id));
        if found != expected {
            return differs(&format!("lots of instrument {id}"), found.to_string(), expected.to_string());
        }
    }
    Ok(())
}
