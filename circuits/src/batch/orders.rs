//! Orders lane: signed, current, not worse than limit, filled within the order.
//!
//! Statement of entry i: if active, the owner key of the OLD leaf of the account named signed a message of type order for
//! this deployment, slot, nonce and the old leaf's epoch; its order slot held an older nonce, or the same order; the fill
//! keeps within the order; the clearing's price, time, fee and instrument are acceptable to it. The order slot now remembers
//! the order and what it has filled.
//!
//! Entries are sorted by account; an account's orders root runs from entry to entry.
//!
//! Cost an order: signature about 4,000; message 609; orders tree 2,412; slot leaves 480; indicators and picks
//! 5 A + 6 C + 2; ranges about 470.

use super::accounts::old::Old;
use super::clearings::Clearing;
use super::header::Header;
use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::{bits, eddsa, merkle, poseidon};
use ark_bn254::Fr;
use novation_state::crypto::babyjub::BASE8;
use novation_state::leaf::FILLED_BITS;
use novation_state::message::MESSAGE_WORDS;
use novation_state::size::Size;
use novation_state::tags::{MessageType, Tag};
use novation_state::trace::{BatchTrace, OrderTrace};
use novation_state::units::{
    field, pow2, FEE_BITS, INSTRUMENT_WORD_BITS, LOTS_BITS, NONCE_BITS, ORDER_SLOT_BITS, PRICE_BITS, SLOT_BITS,
    TIME_BITS,
};

/// What a signed message says of an order slot, for orders and commands alike.
pub struct SlotUse {
    /// The message's nonce is the one the slot holds.
    pub same: Bit,
    /// What the slot held.
    pub message_before: Lc,
    pub filled_before: Lc,
    /// The leaf before.
    pub leaf_before: Lc,
}

/// Opens an order slot: its nonce is at most `nonce - strict`. `name` is the rule that the comparison enforces.
pub fn open_slot(
    cs: &mut Cs,
    name: &'static str,
    nonce: &Lc,
    strict: &Lc,
    before: Option<&novation_state::leaf::OrderSlot>,
) -> SlotUse {
    let nonce_before = cs.alloc("slot.before", || before.map(|s| Fr::from(s.nonce)).unwrap_or_default());
    let filled_before = cs.alloc("slot.before", || before.map(|s| s.filled.into()).unwrap_or_default());
    let message_before = cs.alloc("slot.before", || before.map(|s| s.message).unwrap_or_default());
    bits::range(cs, "slot.nonce_range", nonce, NONCE_BITS);
    // With the line above the old nonce lies in (-2^32, 2^32), and with the range of `filled` the word has one reading.
    let step = nonce - &nonce_before;
    bits::range(cs, name, &(&step - strict), NONCE_BITS);
    bits::range(cs, "slot.filled_range", &filled_before, LOTS_BITS);
    let same = bits::is_zero(cs, "slot.same", &step);
    let word = &filled_before + &nonce_before * pow2(FILLED_BITS);
    let leaf_before = poseidon::hash(cs, "slot.leaf", Tag::OrderSlot.fr(), &[word, message_before.clone()]);
    SlotUse { same, message_before, filled_before, leaf_before }
}

/// Wires of an order.
pub struct Order {
    pub active: Bit,
    /// Account slot, 0 if inactive.
    pub account: Lc,
    /// Indicators of the account entry.
    pub at: Vec<Bit>,
    /// Absorbed: message hash, 0 if inactive.
    pub message: Lc,
    /// Absorbed: lots + clearing index * 2^40.
    pub fill: Lc,
    /// Fee paid.
    pub fee: Lc,
    /// Poles at z.
    pub pole_lots: Lc,
    pub pole_clearing: Lc,
    pub pole_reducing: Lc,
    pub pole_cash: Lc,
    root_in: Lc,
    root_out: Lc,
    root_old: Lc,
}

#[allow(clippy::too_many_arguments)]
fn order(
    cs: &mut Cs,
    header: &Header,
    old: &[Old],
    slots: &[Lc],
    clearings: &[Clearing],
    z: &Lc,
    active: &Bit,
    trace: Option<&BatchTrace>,
    input: Option<&OrderTrace>,
) -> Order {
    let of = |f: &dyn Fn(&OrderTrace) -> Fr| input.map(f).unwrap_or_default();
    let account = cs.alloc("order.account", || of(&|o| o.order.binding.account.into()));
    let slot_value = input.map_or(0, |o| o.order.binding.order_slot);
    let slot_bits: Vec<Bit> = (0..ORDER_SLOT_BITS).map(|i| cs.bit("order.slot", || slot_value >> i & 1 == 1)).collect();
    let nonce = cs.alloc("order.nonce", || of(&|o| Fr::from(o.order.binding.nonce)));
    let lots = cs.alloc("order.lots", || of(&|o| o.order.lots.into()));
    let limit = cs.alloc("order.limit", || of(&|o| o.order.limit.into()));
    let peg_offset = cs.alloc("order.peg_offset", || of(&|o| field(o.order.peg_offset.unwrap_or(0) as i128)));
    // Padding is valid until now: the comparison below has no special case.
    let valid_until = cs.alloc("order.valid_until", || match input {
        Some(o) => o.order.valid_until.into(),
        None => trace.map(|t| t.header.time.into()).unwrap_or_default(),
    });
    let fee_cap = cs.alloc("order.fee_cap", || of(&|o| o.order.fee_cap.into()));
    let flag = |cs: &mut Cs, i: u64| cs.bit("order.flags", || input.is_some_and(|o| o.order.flags() >> i & 1 == 1));
    let [sell, reducing, pegged] = [0, 1, 2].map(|i| flag(cs, i));
    let fill = cs.alloc("order.fill", || of(&|o| o.fill.into()));
    let index = cs.alloc("order.clearing", || of(&|o| Fr::from(o.clearing as u64)));

    // The account: the OLD leaf's key, epoch and orders root. SOUND: slots are distinct (account.sorted).
    let at = bits::one_hot(cs, "order.account", slots, &account, active);
    let column = |cs: &mut Cs, f: &dyn Fn(&Old) -> &Lc| {
        bits::pick(cs, "order.pick_account", &at, &old.iter().map(|o| f(o).clone()).collect::<Vec<_>>())
    };
    let owner = (column(cs, &|o| &o.owner.0), column(cs, &|o| &o.owner.1));
    let epoch = column(cs, &|o| &o.epoch);
    let root_old = column(cs, &|o| &o.orders_root);

    // The clearing. SOUND: the keys are the constants 0, 1, 2, ...
    let indices: Vec<Lc> = (0..clearings.len()).map(|i| Lc::constant(i as u64)).collect();
    let which = bits::one_hot(cs, "order.clearing", &indices, &index, active);
    let term = |cs: &mut Cs, f: &dyn Fn(&Clearing) -> &Lc| {
        bits::pick(cs, "order.pick_clearing", &which, &clearings.iter().map(|c| f(c).clone()).collect::<Vec<_>>())
    };
    let used = term(cs, &|c| c.used.lc());
    let instrument = term(cs, &|c| &c.id);
    let price = term(cs, &|c| &c.price);
    let mark = term(cs, &|c| &c.mark);
    let market_fee = term(cs, &|c| &c.fee);
    let lot_cash = term(cs, &|c| &c.lot_cash);
    cs.enforce("order.clearing_used", active.lc(), &(Lc::one() - &used), &Lc::zero());

    // Padding: nothing that enters an equation at z may stay free. A key equal to z would leave its pole free.
    let idle = active.not();
    for zero in [&account, &fill, &index] {
        cs.enforce("order.padding_is_zero", idle.lc(), zero, &Lc::zero());
    }

    // The message. The epoch is the old leaf's and the instrument the clearing's: what was signed must agree.
    let mut words = vec![Lc::zero(); MESSAGE_WORDS];
    words[0] = Lc::constant(MessageType::Order.fr());
    words[1] = header.deployment().clone();
    words[2] = account.clone();
    words[3] = bits::from_bits(&slot_bits);
    words[4] = nonce.clone();
    words[5] = epoch;
    words[6] = lots.clone();
    words[7] = limit.clone();
    words[8] = peg_offset.clone();
    words[9] = valid_until.clone();
    words[10] = fee_cap.clone();
    words[11] = sell.lc() + reducing.lc() * Fr::from(2u64) + pegged.lc() * Fr::from(4u64);
    words[12] = &instrument + Lc::constant(pow2(INSTRUMENT_WORD_BITS));
    let hash = poseidon::hash(cs, "order.message", Tag::Message.fr(), &words);
    let message = cs.mul("order.message", active.lc(), &hash);
    let signature = eddsa::SignatureWires {
        r_x: cs.alloc("order.signature", || input.map_or(BASE8.x, |o| o.signature.r.x)),
        r_y: cs.alloc("order.signature", || input.map_or(BASE8.y, |o| o.signature.r.y)),
        s: cs.alloc("order.signature", || of(&|o| o.signature.s)),
    };
    eddsa::verify(cs, active, (&owner.0, &owner.1), &hash, &signature);

    // Price, time, fee.
    let sign = Lc::one() - sell.lc() * Fr::from(2u64);
    let better = cs.mul("order.price_within_limit", &sign, &(&limit - &price));
    bits::range(cs, "order.price_within_limit", &better, PRICE_BITS + 1);
    // A buyer's offset beyond the range would still be a price above the mark, but the ledger knows no such order.
    let offset = cs.mul("order.peg_range", pegged.lc(), &peg_offset);
    bits::sign_magnitude(cs, "order.peg_range", &offset, PRICE_BITS);
    let pegged_sign = cs.mul("order.price_within_peg", pegged.lc(), &sign);
    let better = cs.mul("order.price_within_peg", &pegged_sign, &(&mark + &peg_offset - &price));
    bits::range(cs, "order.price_within_peg", &better, PRICE_BITS + 2);
    bits::range(cs, "order.valid_until", &(&valid_until - header.time()), TIME_BITS);
    bits::range(cs, "order.fee_within_cap", &(&fee_cap - &market_fee), FEE_BITS);

    // The order slot and the fill: filled' = (same ? filled : 0) + fill <= lots < 2^40.
    let zero = Lc::zero();
    let slot = open_slot(cs, "order.nonce_not_older", &nonce, &zero, input.map(|o| &o.slot_before));
    let other = &slot.message_before - &hash;
    let clash = cs.mul("order.same_nonce_same_order", slot.same.lc(), active.lc());
    cs.enforce("order.same_nonce_same_order", &clash, &other, &zero);
    let carried = cs.mul("order.filled", slot.same.lc(), &slot.filled_before);
    bits::range(cs, "order.fill_positive", &(&fill - active.lc()), LOTS_BITS);
    bits::range(cs, "order.lots_range", &lots, LOTS_BITS);
    let filled = carried + &fill;
    let rest = &lots - &filled;
    bits::range(cs, "order.fill_within_order", &rest, LOTS_BITS);
    let word = filled + &nonce * pow2(FILLED_BITS);
    let leaf_after = poseidon::hash(cs, "slot.leaf", Tag::OrderSlot.fr(), &[word, hash]);
    let (root_in, root_out) =
        merkle::update(cs, "order.path", &slot_bits, input.map(|o| &o.path[..]), &slot.leaf_before, &leaf_after);

    // Effects. |fill| < 2^41, |lot_cash| < 2^57, fee < 2^32: cash below 2^99.
    let signed = cs.mul("order.signed_lots", &sign, &fill);
    let paid = cs.mul("order.cash", &signed, &lot_cash);
    let fee = cs.mul("order.fee", &fill, &market_fee);
    let reducing_active = cs.mul("order.reducing", reducing.lc(), active.lc());
    let key = &account * pow2(INSTRUMENT_WORD_BITS) + &instrument;
    Order {
        active: active.clone(),
        message,
        fill: &fill + &index * pow2(LOTS_BITS),
        pole_lots: bits::pole(cs, "link.lots", z, &key, &signed),
        pole_clearing: bits::pole(cs, "link.clearing", z, &index, &signed),
        pole_reducing: bits::pole(cs, "link.reducing", z, &key, &reducing_active),
        pole_cash: bits::pole(cs, "link.cash", z, &account, &(-&paid - &fee)),
        account,
        at,
        fee,
        root_in,
        root_out,
        root_old,
    }
}

/// The lane: entries and the poles of the changes to orders roots.
pub struct Orders {
    pub entries: Vec<Order>,
    /// Poles of `root_out - root_in`, by account slot.
    pub pole_roots: Vec<Lc>,
}

/// All orders.
pub fn orders(
    cs: &mut Cs,
    size: &Size,
    header: &Header,
    old: &[Old],
    clearings: &[Clearing],
    z: &Lc,
    trace: Option<&BatchTrace>,
) -> Orders {
    cs.scope("orders", 0);
    let count = cs.alloc("order.count", || Fr::from(trace.map_or(0, |t| t.orders.len()) as u64));
    let active = bits::prefix(cs, "order.active", &count, size.orders);
    let slots: Vec<Lc> = old.iter().map(|o| o.slot.clone()).collect();
    let entries = cs.parallel("orders", size.orders, |cs, i| {
        order(cs, header, old, &slots, clearings, z, &active[i], trace, trace.and_then(|t| t.orders.get(i)))
    });
    let mut pole_roots = Vec::with_capacity(entries.len());
    for (i, entry) in entries.iter().enumerate() {
        cs.scope("orders", i);
        let mut expected = entry.root_old.clone();
        if i > 0 {
            // Accounts never decrease, so the orders of one account are adjacent and their roots form one chain.
            let step = &entry.account - &entries[i - 1].account;
            let rising = cs.mul("order.sorted", entry.active.lc(), &step);
            bits::range(cs, "order.sorted", &rising, SLOT_BITS);
            let same = bits::is_zero(cs, "order.same_account", &step);
            expected = cs.select("order.root_chain", &same, &entries[i - 1].root_out, &expected);
        }
        cs.enforce("order.root_chain", entry.active.lc(), &(&entry.root_in - &expected), &Lc::zero());
        let change = cs.mul("order.root_change", entry.active.lc(), &(&entry.root_out - &entry.root_in));
        pole_roots.push(bits::pole(cs, "link.roots", z, &entry.account, &change));
    }
    Orders { entries, pole_roots }
}
