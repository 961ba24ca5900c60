//! Every rule of the ledger, broken: the ledger refuses it by its own variant, the circuit by a named constraint.
//!
//! [`table`] is a match over the whole enum: a new variant does not compile until it says where it is enforced, and every
//! constraint it names has to be met by a case in [`cases`].

use crate::kit::*;
use ark_bn254::Fr;
use ark_ff::Zero;
use novation_circuits::cs::Lie;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::{EddsaError, SecretKey};
use novation_state::leaf::{MarketLeaf, Status};
use novation_state::math::margin::NoRelief;
use novation_state::message::{Action, Command, Order, Side};
use novation_state::public_data::PublicData;
use novation_state::reject::{Key, Rejection};
use novation_state::size::TINY;
use novation_state::testkit::{World, COMMAND_SLOT};
use novation_state::transition::{BatchInput, Fill, SignedCommand};
use novation_state::units::{Cash, Fee, Ticks, Time, Window};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Where a rule is enforced.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// Each of these constraints refuses some way of breaking it.
    Circuit(&'static [&'static str]),
    /// The contract compares a public word with its own storage; the circuit proves the word and nothing about it.
    Contract,
    /// There is no trace of it: the batch does not fit, or a number has no representation. Forged traces of such batches
    /// are among the named attacks where there is something to forge.
    NoTrace,
    /// A rule of changes of markets: they are not part of a batch.
    Markets,
}

macro_rules! table {
    ($($variant:ident => $by:expr,)*) => {
        pub fn table(rejection: &Rejection) -> (&'static str, By) {
            match rejection {
                $(Rejection::$variant { .. } => (stringify!($variant), $by),)*
            }
        }
        pub const TABLE: &[(&str, By)] = &[$((stringify!($variant), $by)),*];
    };
}

use By::*;
table! {
    TimeWentBack => Contract,
    NoMarkets => Contract,
    TimeBeforeMarkets => Contract,
    MarketsWentBack => Contract,
    WindowRange => Contract,
    LogWentBack => Contract,
    // R in D is not the multiple of the base point that the circuit computes: e has no bits for other scalars.
    EphemeralRange => Circuit(&["link.evaluation"]),
    BatchFull => NoTrace,
    HouseSlot => NoTrace,
    Unopened => NoTrace,
    JustOpened => Circuit(&["account.opened_to_act"]),
    PositionBeyondSlots => NoTrace,
    NoFreeSlot => NoTrace,
    LotsRange => NoTrace,
    PositionLimit => Circuit(&["position.limit"]),
    ReduceOnlyMarket => Circuit(&["position.reduce_only_market"]),
    ReduceOnlyOrder => Circuit(&["position.reduce_only_order", "link.reducing"]),
    CashRange => NoTrace,
    Margin => Circuit(&[
        "margin.better_only_shrinks",
        "margin.rule",
        "margin.better_less_initial",
        "margin.better_ratio",
    ]),
    Deployment => Circuit(&["eddsa.equation"]),
    Epoch => Circuit(&["eddsa.equation"]),
    Signature => Circuit(&["eddsa.equation", "scalar.below_order"]),
    Nonce => Circuit(&["order.nonce_not_older", "order.same_nonce_same_order", "command.nonce_not_older"]),
    EmptyFill => Circuit(&["order.fill_positive"]),
    Overfilled => Circuit(&["order.fill_within_order"]),
    OrderExpired => Circuit(&["order.valid_until"]),
    Limit => Circuit(&["order.price_within_limit"]),
    Peg => Circuit(&["order.price_within_peg"]),
    PegRange => Circuit(&["order.peg_range"]),
    FeeCap => Circuit(&["order.fee_within_cap"]),
    NotListed => Circuit(&["clearing.fillable"]),
    NotTrading => Circuit(&["clearing.fillable"]),
    InstrumentExpired => Circuit(&["clearing.fillable"]),
    MarkStale => Circuit(&["clearing.fillable"]),
    MarkAhead => Circuit(&["clearing.fillable"]),
    Underlying => Circuit(&["market.underlying"]),
    Band => Circuit(&["clearing.band_low", "clearing.band_high"]),
    WindowOutside => Circuit(&["clearing.window_first", "clearing.window_last"]),
    TwoPrices => Circuit(&["clearing.sorted"]),
    Unbalanced => Circuit(&["link.clearing"]),
    TwoCommands => Circuit(&["command.sorted"]),
    CommandBesideOrders => Circuit(&["account.trades_or_commands"]),
    EmptyWithdrawal => Circuit(&["withdraw.amount_positive"]),
    NoRecipient => Circuit(&["withdraw.recipient"]),
    Chain => Contract,
    WithdrawalOverEquity => Circuit(&["withdraw.not_better_of"]),
    WithdrawalOverDailyEquity => Circuit(&["withdraw.daily"]),
    WithdrawalAwaitsSettlement => Circuit(&["withdraw.no_expired_position"]),
    EpochExhausted => NoTrace,
    KeyOffCurve => Circuit(&["point.on_curve"]),
    IdentityKey => Circuit(&["rotate.key_not_identity"]),
    Possession => Circuit(&["eddsa.equation"]),
    NoPossession => Circuit(&["eddsa.equation"]),
    TwoDeposits => Circuit(&["account.one_deposit"]),
    HouseRange => NoTrace,
    MarketsTime => Markets,
    ChangedTwice => Markets,
    IdNotSerial => Markets,
    TermsChanged => Markets,
    SettledChanged => Markets,
    SettlementEarly => Markets,
    UnderlyingRange => Markets,
    MarkAfterUpdate => Markets,
    BandReversed => Markets,
}

/// One way of breaking a rule.
struct Case {
    /// The variant.
    variant: &'static str,
    /// What refuses it in the circuit.
    constraint: &'static str,
    /// What else has to be true of the rejection.
    detail: fn(&Rejection) -> bool,
    /// Brings a world to where the rule can be broken, and breaks it.
    make: fn(&mut World) -> BatchInput,
    /// Whether the ledger has an earlier rule that refuses it as well.
    shadowed: bool,
}

fn case(variant: &'static str, constraint: &'static str, make: fn(&mut World) -> BatchInput) -> Case {
    Case { variant, constraint, detail: |_| true, make, shadowed: false }
}

impl Case {
    fn with(self, detail: fn(&Rejection) -> bool) -> Case {
        Case { detail, ..self }
    }
}

/// A trade of one future lot between the first two traders, its buy order changed before it is signed.
fn order(world: &mut World, change: impl FnOnce(&mut Order)) -> BatchInput {
    let mut input = world.input();
    let [buy, sell] = world.trade(0, 1, id(FUTURE), 1);
    let mut order = buy.order;
    change(&mut order);
    input.fills = vec![world.fill(order, buy.price, 1), sell];
    input
}

/// The same trade, its fills changed afterwards.
fn fills(world: &mut World, change: impl FnOnce(&mut [Fill; 2])) -> BatchInput {
    let mut input = world.input();
    let mut fills = world.trade(0, 1, id(FUTURE), 1);
    change(&mut fills);
    input.fills = fills.to_vec();
    input
}

/// One command of the first trader.
fn command(world: &mut World, action: impl FnOnce(&World) -> Action) -> BatchInput {
    let mut input = world.input();
    input.commands = vec![world.command(0, action(world))];
    input
}

fn simple_trade(world: &mut World, buyer: usize, seller: usize, instrument: i64, n: i64) -> BatchInput {
    let mut input = world.input();
    input.fills = world.trade(buyer, seller, id(instrument), n).to_vec();
    input
}

/// Trader 0 is long with equity half of its initial margin; a sale at price 0 lies inside the band and hands the loss to a
/// friend.
pub fn loss_to_a_friend(world: &mut World) -> BatchInput {
    trade(world, &[(0, 1, FUTURE, 110)]);
    edit(world, FUTURE, |leaf| leaf.charge_long = charge(200_000_000));
    let mut input = world.input();
    input.fills = world.trade(2, 0, id(FUTURE), 1).map(|f| Fill { price: Ticks::ZERO, ..f }).to_vec();
    input
}

fn relief(expected: NoRelief) -> impl Fn(&Rejection) -> bool {
    move |r| matches!(r, Rejection::Margin { relief, .. } if *relief == expected)
}

fn cases() -> Vec<Case> {
    vec![
        case("EphemeralRange", "link.evaluation", |w| BatchInput { ephemeral: 5u64.into(), ..w.input() }),
        case("JustOpened", "account.opened_to_act", |w| {
            let newcomer = w.newcomer();
            let mut input = simple_trade(w, newcomer, 0, FUTURE, 1);
            input.deposits.push(w.deposit(newcomer, MONEY));
            input
        }),
        case("PositionLimit", "position.limit", |w| {
            edit(w, FUTURE, |leaf| leaf.limit = lots(5));
            simple_trade(w, 0, 1, FUTURE, 6)
        }),
        case("ReduceOnlyMarket", "position.reduce_only_market", |w| {
            edit(w, FUTURE, |leaf| leaf.status = Status::ReduceOnly);
            simple_trade(w, 0, 1, FUTURE, 1)
        }),
        case("ReduceOnlyOrder", "position.reduce_only_order", |w| order(w, |o| o.reduce_only = true)),
        case("ReduceOnlyOrder", "link.reducing", reduce_nothing),
        case("Margin", "margin.better_only_shrinks", |w| {
            edit(w, FUTURE, |leaf| leaf.charge_long = charge(200_000_000));
            simple_trade(w, 0, 1, FUTURE, 51)
        })
        .with(|r| relief(NoRelief::PositionGrew)(r)),
        case("Margin", "margin.rule", |w| {
            trade(w, &[(0, 1, FUTURE, 100)]);
            edit(w, FUTURE, |leaf| leaf.mark = ticks(leaf.mark.get() + 101_000));
            BatchInput { touches: vec![slot(2)], ..w.input() }
        })
        .with(|r| relief(NoRelief::NegativeEquity)(r)),
        case("Margin", "margin.better_less_initial", |w| {
            trade(w, &[(0, 1, FUTURE, 10), (0, 1, CALL, 10)]);
            edit(w, FUTURE, |leaf| {
                leaf.risk[0] = per_lot(-100_000_000);
                leaf.charge_long = charge(1_100_000_000);
            });
            edit(w, CALL, |leaf| leaf.risk[0] = per_lot(100_000_000));
            simple_trade(w, 2, 0, CALL, 5)
        })
        .with(|r| relief(NoRelief::InitialRose)(r)),
        case("Margin", "margin.better_ratio", loss_to_a_friend).with(|r| relief(NoRelief::CoverFell)(r)),
        case("Deployment", "eddsa.equation", |w| order(w, |o| o.binding.deployment += Fr::from(1u64))),
        case("Epoch", "eddsa.equation", |w| order(w, |o| o.binding.epoch += 1)),
        case("Signature", "eddsa.equation", |w| fills(w, |[buy, sell]| buy.signature = sell.signature))
            .with(|r| matches!(r, Rejection::Signature { reason: EddsaError::EquationFails, .. })),
        case("Signature", "eddsa.equation", |w| fills(w, |[buy, _]| buy.signature.r.x += Fr::from(1u64)))
            .with(|r| matches!(r, Rejection::Signature { reason: EddsaError::NonceNotOnCurve, .. })),
        case("Signature", "scalar.below_order", |w| fills(w, |[buy, _]| buy.signature.s = -Fr::from(1u64)))
            .with(|r| matches!(r, Rejection::Signature { reason: EddsaError::ScalarOutOfRange, .. })),
        case("Nonce", "order.nonce_not_older", |w| {
            trade(w, &[(0, 1, FUTURE, 1)]);
            order(w, |o| o.binding.nonce = 0)
        }),
        case("Nonce", "order.same_nonce_same_order", |w| {
            trade(w, &[(0, 1, FUTURE, 1)]);
            order(w, |o| {
                o.binding.nonce = 1;
                o.limit = ticks(o.limit.get() - 1);
            })
        }),
        case("Nonce", "command.nonce_not_older", |w| {
            let first = command(w, |_| Action::Cancel);
            w.apply(first.clone());
            let action = w.withdrawal(0, 1);
            let again = Command { action, ..first.commands[0].command };
            BatchInput { commands: vec![w.sign_command(again)], ..w.input() }
        }),
        case("EmptyFill", "order.fill_positive", |w| fills(w, |all| all.iter_mut().for_each(|f| f.fill = lots(0)))),
        case("Overfilled", "order.fill_within_order", |w| {
            fills(w, |all| all.iter_mut().for_each(|f| f.fill = lots(2)))
        }),
        case("OrderExpired", "order.valid_until", |w| {
            let past = Time::new(w.time.get() - 1).unwrap();
            order(w, |o| o.valid_until = past)
        }),
        case("Limit", "order.price_within_limit", |w| order(w, |o| o.limit = ticks(99_999)))
            .with(|r| matches!(r, Rejection::Limit { price, .. } if price.get() == 100_000)),
        case("Peg", "order.price_within_peg", |w| order(w, |o| o.peg_offset = Some(-1))),
        case("PegRange", "order.peg_range", |w| order(w, |o| o.peg_offset = Some(1 << 32))),
        case("FeeCap", "order.fee_within_cap", |w| {
            edit(w, FUTURE, |leaf| leaf.fee = Fee::new(8).unwrap());
            order(w, |o| o.fee_cap = Fee::new(7).unwrap())
        }),
        case("NotListed", "clearing.fillable", |w| simple_trade(w, 0, 1, 500, 1)),
        case("NotTrading", "clearing.fillable", |w| {
            edit(w, FUTURE, |leaf| leaf.status = Status::Halted);
            simple_trade(w, 0, 1, FUTURE, 1)
        })
        .with(|r| matches!(r, Rejection::NotTrading { status: Status::Halted, .. })),
        case("NotTrading", "clearing.fillable", |w| {
            settle(w, FUTURE, 0);
            simple_trade(w, 0, 1, FUTURE, 1)
        })
        .with(|r| matches!(r, Rejection::NotTrading { status: Status::Settled, .. })),
        case("InstrumentExpired", "clearing.fillable", |w| {
            w.time = w.markets.get(id(FUTURE)).unwrap().expiry;
            let now = w.time;
            edit(w, FUTURE, |leaf| leaf.mark_time = now);
            simple_trade(w, 0, 1, FUTURE, 1)
        }),
        case("MarkStale", "clearing.fillable", |w| {
            // A perpetual: nothing else has changed about it.
            w.time = Time::new(w.time.get() + 901).unwrap();
            simple_trade(w, 0, 1, 1, 1)
        }),
        Case {
            shadowed: true,
            ..case("MarkAhead", "clearing.fillable", |w| {
                w.time = Time::new(w.time.get() + 20).unwrap();
                let now = w.time;
                edit(w, FUTURE, |leaf| leaf.mark_time = now);
                w.time = Time::new(w.time.get() - 10).unwrap();
                simple_trade(w, 0, 1, FUTURE, 1)
            })
        },
        case("Underlying", "market.underlying", |w| {
            let next = w.markets.next_id();
            let leaf = MarketLeaf { underlying: 5, ..w.markets.get(id(FUTURE)).unwrap().clone() };
            w.markets.update([(id(next), leaf)], w.time).unwrap();
            BatchInput { extra_rows: vec![id(next)], ..w.input() }
        }),
        case("Band", "clearing.band_low", |w| {
            edit(w, FUTURE, |leaf| leaf.band_low = ticks(100_001));
            simple_trade(w, 0, 1, FUTURE, 1)
        }),
        case("Band", "clearing.band_high", |w| {
            edit(w, FUTURE, |leaf| leaf.band_high = ticks(99_999));
            simple_trade(w, 0, 1, FUTURE, 1)
        }),
        case("WindowOutside", "clearing.window_first", |w| {
            let last = w.ledger.head().window;
            fills(w, |all| all.iter_mut().for_each(|f| f.window = last))
        }),
        case("WindowOutside", "clearing.window_last", |w| {
            let late = Window::new(w.ledger.head().window.get() + 100).unwrap();
            fills(w, |all| all.iter_mut().for_each(|f| f.window = late))
        }),
        case("TwoPrices", "clearing.sorted", |w| {
            let mut input = simple_trade(w, 0, 1, FUTURE, 1);
            input.fills.extend(w.trade(2, 3, id(FUTURE), 1).map(|f| Fill { price: ticks(f.price.get() + 1), ..f }));
            input
        }),
        case("Unbalanced", "link.clearing", |w| {
            let mut input = simple_trade(w, 0, 1, FUTURE, 2);
            input.fills[1] = w.trade(0, 1, id(FUTURE), 1)[1];
            input
        }),
        case("TwoCommands", "command.sorted", |w| {
            let mut input = command(w, |_| Action::Cancel);
            let second = recommand(w, 0, COMMAND_SLOT - 1, Action::Cancel);
            input.commands.push(w.sign_command(second));
            input
        }),
        case("CommandBesideOrders", "account.trades_or_commands", |w| {
            let mut input = simple_trade(w, 0, 1, FUTURE, 1);
            input.commands = vec![w.command(0, Action::Cancel)];
            input
        }),
        case("EmptyWithdrawal", "withdraw.amount_positive", |w| command(w, |w| w.withdrawal(0, 0))),
        case("NoRecipient", "withdraw.recipient", |w| {
            let chain = w.ledger.deployment().chain;
            command(w, |_| Action::Withdraw { amount: Cash::new(1).unwrap(), recipient: [0; 20], chain })
        }),
        case("WithdrawalOverEquity", "withdraw.not_better_of", |w| command(w, |w| w.withdrawal(0, MONEY + 1))),
        case("WithdrawalOverDailyEquity", "withdraw.daily", |w| {
            trade(w, &[(0, 1, FUTURE, 10)]);
            edit(w, FUTURE, |leaf| leaf.daily_mark = ticks(leaf.mark.get() - 1));
            command(w, |w| w.withdrawal(0, MONEY))
        }),
        case("WithdrawalAwaitsSettlement", "withdraw.no_expired_position", |w| {
            trade(w, &[(0, 1, FUTURE, 1)]);
            w.time = w.markets.get(id(FUTURE)).unwrap().expiry;
            command(w, |w| w.withdrawal(0, 1))
        }),
        case("KeyOffCurve", "point.on_curve", |w| {
            let mut deposit = w.deposit(0, 1);
            deposit.viewing_eighth.x += Fr::from(1u64);
            BatchInput { deposits: vec![deposit], ..w.input() }
        })
        .with(|r| matches!(r, Rejection::KeyOffCurve { key: Key::Viewing, .. })),
        case("KeyOffCurve", "point.on_curve", |w| {
            command(w, |_| Action::Rotate { owner_eighth: Point { x: Fr::from(3u64), y: Fr::from(4u64) } })
        })
        .with(|r| matches!(r, Rejection::KeyOffCurve { key: Key::Owner, .. })),
        case("IdentityKey", "rotate.key_not_identity", |w| {
            command(w, |_| Action::Rotate { owner_eighth: Point::identity() })
        }),
        case("IdentityKey", "rotate.key_not_identity", |w| {
            // A point of order two: eight times it is the identity.
            command(w, |_| Action::Rotate { owner_eighth: Point { x: Fr::zero(), y: -Fr::from(1u64) } })
        }),
        case("Possession", "eddsa.equation", |w| {
            let mut input = command(w, |w| w.rotation(0));
            let SignedCommand { command, possession, .. } = &mut input.commands[0];
            *possession = Some(SecretKey::from_seed(&[9; 32]).sign(command.hash()));
            input
        }),
        case("NoPossession", "eddsa.equation", |w| {
            let mut input = command(w, |w| w.rotation(0));
            input.commands[0].possession = None;
            input
        }),
        case("TwoDeposits", "account.one_deposit", |w| BatchInput {
            deposits: vec![w.deposit(0, 1), w.deposit(0, 2)],
            ..w.input()
        }),
    ]
}

/// A buyer without a position gives two orders that cancel out, one of them reduce-only.
pub fn reduce_nothing(world: &mut World) -> BatchInput {
    let mut input = world.input();
    let mark = world.markets.get(id(FUTURE)).unwrap().mark;
    for (place, side) in [(10, Side::Buy), (11, Side::Sell)] {
        let mut order = world.order(0, id(FUTURE), side, 5);
        order.binding = world.binding(0, place);
        order.reduce_only = place == 10;
        input.fills.push(world.fill(order, mark, 5));
    }
    input
}

/// What every case fails by, under the strongest prover.
pub fn outcomes() -> &'static Vec<(String, Names)> {
    static ALL: OnceLock<Vec<(String, Names)>> = OnceLock::new();
    ALL.get_or_init(|| {
        println!("seed {SEED}");
        cases().par_iter().map(check).collect()
    })
}

fn check(case: &Case) -> (String, Names) {
    let Case { variant, constraint, detail, make, shadowed } = case;
    let title = format!("{variant} by {constraint}");
    let mut world = stage();
    let input = make(&mut world);
    let refused =
        world.ledger.check(TINY, &world.markets, input.clone()).err().unwrap_or_else(|| panic!("{title}: accepted"));
    let (trace, broken) = lenient(&world, input);
    assert_eq!(Some(&refused), broken.first(), "{title}: what refuses is the first rule broken");
    let met = broken.iter().find(|r| table(r).0 == *variant).unwrap_or_else(|| panic!("{title}: {broken:?}"));
    assert!(detail(met), "{title}: {met:?}");
    assert!(*shadowed || met == &refused, "{title}: refused for {refused:?}");
    let Circuit(named) = table(met).1 else { panic!("{title}: the table says that the circuit has no part in it") };
    assert!(named.contains(constraint), "{title}: not in the table");
    let lies: &[Lie] = &[];
    let honest = Run::of(&trace, &PublicData::of(&trace), lies).names();
    assert!(honest.contains(constraint), "{title}: fails {honest:?}");
    let strongest = strongest(&trace, lies);
    println!("{title}: {strongest:?}");
    (title, strongest)
}

#[test]
fn every_rule_of_the_ledger_fails_a_named_constraint_when_broken() {
    let met: BTreeSet<String> = outcomes().iter().map(|(title, _)| title.clone()).collect();
    let mut wanted = BTreeSet::new();
    let (mut by_circuit, mut elsewhere) = (0, Vec::new());
    for (variant, by) in TABLE {
        match by {
            Circuit(constraints) => {
                by_circuit += 1;
                wanted.extend(constraints.iter().map(|c| format!("{variant} by {c}")));
            }
            Contract | NoTrace | Markets => elsewhere.push((variant, by)),
        }
    }
    assert_eq!(met, wanted);
    println!("{by_circuit} rules by the circuit; elsewhere: {elsewhere:?}");
}

/// A reduce-only order needs a position to reduce. A prover may claim that the instrument is in play in an empty slot, so that
/// the count of reduce-only orders finds its place: nothing grows, and yet nothing was there to be reduced.
#[test]
fn a_reduce_only_order_needs_a_position_whatever_the_prover_claims_to_be_in_play() {
    let mut world = stage();
    let input = reduce_nothing(&mut world);
    let (mut trace, _) = lenient(&world, input);
    trace.accounts[0].ids[0] = id(FUTURE);
    assert_eq!(strongest(&trace, &[]), names(&["position.reduce_only_order"]));
}
