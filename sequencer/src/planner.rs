//! Which windows, deposits, commands, touches and decoys go into the next batch.
//!
//! Windows, deposits and commands are taken in log order, each whole, as long as it fits what the batch holds already; what does not fit
//! waits with a named reason. The oldest thing always fits an empty batch, so nothing waits for ever. Windows keep their order
//! among each other, and so do deposits. What room is left goes to accounts that hold settled positions, so that these turn into
//! cash, and then to decoys.
//!
//! A batch has one markets root and one time: those of its first window. Everything that was valid when a later window ended was
//! valid then too: messages and instruments expire later, marks were younger.

use crate::decoys::Activity;
use crate::io::Item;
use crate::load::{Load, Need};
use crate::queues::{QueuedDeposit, QueuedWindow, Queues};
use crate::reason::Waiting;
use crate::view::View;
use novation_state::leaf::Status;
use novation_state::ledger::Ledger;
use novation_state::markets::Markets;
use novation_state::math::margin::{only_shrank, Standing};
use novation_state::math::value::{daily_equity, Holding};
use novation_state::message::Action;
use novation_state::reject::Rejection;
use novation_state::size::Size;
use novation_state::transition::SignedCommand;
use novation_state::units::{AccountSlot, InstrumentId, Lots, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a plan is made from.
pub(crate) struct Situation<'a> {
    pub size: Size,
    pub ledger: &'a Ledger,
    pub queues: &'a Queues,
    /// The newest markets.
    pub markets: &'a Arc<Markets>,
    /// Now.
    pub time: Time,
    pub activity: &'a Activity,
    /// Commands that the ledger turned out to refuse, by log position.
    pub dropped: &'a BTreeMap<u64, Rejection>,
    /// Secret seed of the decoys.
    pub seed: [u8; 32],
}

/// What goes into the batch, and what does not.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub markets: Arc<Markets>,
    pub time: Time,
    /// How many of the queued windows.
    pub windows: usize,
    /// How many of the queued deposits.
    pub deposits: usize,
    /// Log positions of the commands.
    pub commands: Vec<u64>,
    pub touches: Vec<AccountSlot>,
    pub decoys: Vec<AccountSlot>,
    /// Accounts that have a reason to be in the batch.
    pub active: BTreeSet<AccountSlot>,
    pub waiting: Vec<(Item, Waiting)>,
    /// Commands that can never be executed.
    pub dropped: BTreeMap<u64, Rejection>,
}

/// Plans a batch.
pub(crate) fn plan(situation: &Situation) -> Plan {
    let (mut packer, packed) = pack(situation);
    let Packed { windows, deposits, commands, waiting, dropped } = packed;
    let touches = packer.touches();
    let active = packer.load.accounts().clone();
    let opened = situation.ledger.accounts().map(|(slot, _)| slot);
    let decoys = situation.activity.draw(situation.seed, packer.load.free_accounts(), &active, opened);
    let Packer { markets, time, .. } = packer;
    Plan { markets, time, windows, deposits, commands, touches, decoys, active, waiting, dropped }
}

/// Whether a batch planned now would leave something out for want of room. The ledger is not asked, so commands that it would refuse
/// count as well.
pub(crate) fn overflows(situation: &Situation) -> bool {
    let (_, packed) = pack(situation);
    packed.waiting.iter().any(|(_, reason)| matches!(reason, Waiting::Lane(_)))
}

/// What is in, and what is not.
struct Packed {
    windows: usize,
    deposits: usize,
    commands: Vec<u64>,
    waiting: Vec<(Item, Waiting)>,
    dropped: BTreeMap<u64, Rejection>,
}

/// Packs what is queued.
fn pack<'a>(situation: &'a Situation<'a>) -> (Packer<'a>, Packed) {
    let Situation { size, queues, .. } = *situation;
    let (markets, time) = match queues.windows.front() {
        Some(first) => (first.markets.clone(), first.time),
        None => (situation.markets.clone(), situation.time),
    };
    let mut packer = Packer {
        situation,
        markets,
        time,
        load: Load::new(size),
        nets: BTreeMap::new(),
        depositors: BTreeSet::new(),
        commanders: BTreeSet::new(),
        touched: BTreeSet::new(),
    };
    let (mut windows, mut deposits, mut commands) = (0, 0, Vec::new());
    let (mut waiting, mut dropped) = (Vec::new(), situation.dropped.clone());
    let (mut windows_open, mut deposits_open) = (true, true);
    for step in steps(queues, &size) {
        match step {
            Step::Window(queued) => {
                let verdict = if windows_open { packer.window(queued) } else { Err(Waiting::EarlierWindow) };
                match verdict {
                    Ok(()) => windows += 1,
                    Err(reason) => {
                        windows_open = false;
                        waiting.push((Item::Window(queued.window), reason));
                    }
                }
            }
            Step::Deposit(queued) if deposits_open => match packer.deposit(queued) {
                Ok(()) => deposits += 1,
                Err(reason) => {
                    deposits_open = false;
                    waiting.push((Item::Deposit(queued.index), reason));
                }
            },
            Step::Deposit(_) => {}
            Step::Command(position, _) if dropped.contains_key(&position) => {}
            Step::Command(position, signed) => match packer.command(position, signed) {
                Ok(()) => commands.push(position),
                Err(Later::Waits(reason)) => waiting.push((Item::Command(position), reason)),
                Err(Later::Never(reason)) => {
                    dropped.insert(position, reason);
                }
            },
        }
    }
    (packer, Packed { windows, deposits, commands, waiting, dropped })
}

/// Something that wants into the batch.
enum Step<'a> {
    Window(&'a QueuedWindow),
    Deposit(&'a QueuedDeposit),
    Command(u64, &'a SignedCommand),
}

/// Everything queued, in log order. Of deposits only as many as could fit, and one that cannot.
fn steps<'a>(queues: &'a Queues, size: &Size) -> Vec<Step<'a>> {
    let windows = queues.windows.iter().map(|queued| (queued.position, Step::Window(queued)));
    let deposits =
        queues.deposits.iter().take(size.deposits + 1).map(|queued| (queued.position, Step::Deposit(queued)));
    let commands = queues.commands.iter().map(|(position, signed)| (*position, Step::Command(*position, signed)));
    let mut steps: Vec<(u64, Step)> = windows.chain(deposits).chain(commands).collect();
    steps.sort_by_key(|(position, _)| *position);
    steps.into_iter().map(|(_, step)| step).collect()
}

/// Why a command is not in the batch.
enum Later {
    Waits(Waiting),
    Never(Rejection),
}

impl From<Waiting> for Later {
    fn from(reason: Waiting) -> Later {
        Later::Waits(reason)
    }
}

/// What the batch's fills do to an instrument of an account.
#[derive(Clone, Copy, Debug, Default)]
struct Net {
    lots: i128,
    reduce_only: bool,
}

/// A batch being packed.
struct Packer<'a> {
    situation: &'a Situation<'a>,
    markets: Arc<Markets>,
    time: Time,
    load: Load,
    nets: BTreeMap<(AccountSlot, InstrumentId), Net>,
    depositors: BTreeSet<AccountSlot>,
    /// Accounts with a command that is in, or that is first among those waiting.
    commanders: BTreeSet<AccountSlot>,
    /// Accounts that roll.
    touched: BTreeSet<AccountSlot>,
}

impl Packer<'_> {
    /// What the ledger holds for an account: nothing for one that was never opened.
    fn view(&self, account: AccountSlot) -> Option<View> {
        self.situation.ledger.account(account).map(|opened| View::of(opened, None))
    }

    fn held(&self, account: AccountSlot) -> BTreeMap<InstrumentId, i128> {
        self.view(account).map_or_else(BTreeMap::new, |view| view.positions)
    }

    /// Takes a window whole.
    fn window(&mut self, queued: &QueuedWindow) -> Result<(), Waiting> {
        if queued.markets.number() != self.markets.number() {
            return Err(Waiting::OtherMarkets);
        }
        let mut nets = self.nets.clone();
        let mut need = Need { clearings: queued.clearings.len(), ..Need::default() };
        let mut traders = BTreeSet::new();
        for cleared in &queued.clearings {
            need.rows.push(cleared.instrument);
            need.orders += cleared.fills.len();
            for fill in &cleared.fills {
                let net = nets.entry((fill.report.account, cleared.instrument)).or_default();
                net.lots += fill.report.side.sign() * fill.report.lots.wide();
                net.reduce_only |= fill.order.reduce_only;
                traders.insert(fill.report.account);
            }
        }
        need.accounts.extend(&traders);
        for account in &traders {
            let held = self.held(*account);
            self.joins(*account, &held, &nets)?;
            need.rows.extend(held.keys());
        }
        self.load.add(&need).map_err(Waiting::Lane)?;
        self.nets = nets;
        self.touched.extend(traders);
        Ok(())
    }

    /// The two rules that a batch measures against the account before it, and that hold window by window without holding for
    /// several together: position slots, and reduce-only orders.
    fn joins(
        &self,
        account: AccountSlot,
        held: &BTreeMap<InstrumentId, i128>,
        nets: &BTreeMap<(AccountSlot, InstrumentId), Net>,
    ) -> Result<(), Waiting> {
        let mine = || nets.range((account, InstrumentId::MIN)..=(account, InstrumentId::MAX));
        let new = mine().filter(|((_, instrument), _)| !held.contains_key(instrument)).count();
        if held.len() + new > self.situation.size.slots {
            return Err(Waiting::NoFreeSlot { account });
        }
        for ((_, instrument), net) in mine().filter(|(_, net)| net.reduce_only) {
            let before = held.get(instrument).copied().unwrap_or(0);
            let lots = |lots: i128| Lots::try_from(lots).expect("positions stay within their limits");
            if before == 0 || !only_shrank(lots(before), lots(before + net.lots)) {
                return Err(Waiting::ReduceOnly { account, instrument: *instrument });
            }
        }
        Ok(())
    }

    fn deposit(&mut self, queued: &QueuedDeposit) -> Result<(), Waiting> {
        let account = queued.deposit.account;
        if self.depositors.contains(&account) {
            return Err(Waiting::SecondDeposit { account });
        }
        self.load.add(&Need { accounts: vec![account], deposits: 1, ..Need::default() }).map_err(Waiting::Lane)?;
        self.depositors.insert(account);
        Ok(())
    }

    fn command(&mut self, position: u64, signed: &SignedCommand) -> Result<(), Later> {
        let account = signed.command.binding.account;
        if !self.commanders.insert(account) {
            return Err(Waiting::SecondCommand { account }.into());
        }
        // Also fills of windows that this batch leaves out: they were admitted without knowing of the command.
        if self.situation.queues.changes.contains_key(&account) {
            return Err(Waiting::FillsFirst { account }.into());
        }
        let mut need = Need { accounts: vec![account], commands: 1, ..Need::default() };
        if let Action::Withdraw { amount, .. } = signed.command.action {
            if let Err(reason) = self.withdrawal(account, amount.get()) {
                let earlier = |queued: &QueuedDeposit| queued.deposit.account == account && queued.position < position;
                return Err(match self.situation.queues.deposits.iter().any(earlier) {
                    true => Waiting::DepositFirst { account }.into(),
                    false => {
                        // The next command of the account need not wait for one that is gone.
                        self.commanders.remove(&account);
                        Later::Never(reason)
                    }
                });
            }
            need.rows.extend(self.held(account).keys());
        }
        self.load.add(&need).map_err(|lane| Later::Waits(Waiting::Lane(lane)))?;
        if matches!(signed.command.action, Action::Withdraw { .. }) {
            self.touched.insert(account);
        }
        Ok(())
    }

    /// Whether the account can pay: by the batch's markets, as the ledger asks, and by the newest, so that nobody withdraws on a price
    /// that is known to be gone.
    fn withdrawal(&self, account: AccountSlot, amount: i128) -> Result<(), Rejection> {
        let Some(view) = self.view(account) else { return Err(Rejection::Unopened { account }) };
        judge(account, &view, amount, &self.markets, self.time)?;
        judge(account, &view, amount, self.situation.markets, self.situation.time)
    }

    /// Accounts to roll: those that hold settled positions, as many as still fit. One with negative equity changes only by a
    /// deposit.
    fn touches(&mut self) -> Vec<AccountSlot> {
        let settled: BTreeSet<InstrumentId> =
            self.markets.iter().filter(|(_, leaf)| leaf.status == Status::Settled).map(|(id, _)| id).collect();
        let mut touches = Vec::new();
        for (slot, account) in self.situation.ledger.accounts() {
            let due = account.leaf.positions.iter().any(|position| settled.contains(&position.id));
            if !due || self.touched.contains(&slot) {
                continue;
            }
            let view = View::of(account, None);
            let holdings: Vec<Holding> = view.holdings(&self.markets).into_iter().map(|(_, holding)| holding).collect();
            if Standing::of(view.cash, &holdings).equity < 0 {
                continue;
            }
            let need = Need { accounts: vec![slot], rows: view.positions.into_keys().collect(), ..Need::default() };
            if self.load.add(&need).is_ok() {
                touches.push(slot);
            }
        }
        touches
    }
}

/// The ledger's rules of a withdrawal, by some markets at some time.
fn judge(account: AccountSlot, view: &View, amount: i128, markets: &Markets, time: Time) -> Result<(), Rejection> {
    let holdings: Vec<Holding> = view.holdings(markets).into_iter().map(|(_, holding)| holding).collect();
    let waits = |holding: &Holding| holding.market.expiry <= time && holding.market.status != Status::Settled;
    if let Some((instrument, _)) = view.positions.keys().zip(&holdings).find(|(_, holding)| waits(holding)) {
        return Err(Rejection::WithdrawalAwaitsSettlement { account, instrument: *instrument });
    }
    let Standing { equity, initial } = Standing::of(view.cash - amount, &holdings);
    if equity < initial {
        return Err(Rejection::WithdrawalOverEquity { account, equity, initial });
    }
    let equity = daily_equity(view.cash - amount, &holdings);
    if equity < initial {
        return Err(Rejection::WithdrawalOverDailyEquity { account, equity, initial });
    }
    Ok(())
}
