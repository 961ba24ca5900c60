//! New leaves: the net effect of the batch on an account, written under the running root and encrypted to its owner.
//!
//! Statement of entry j: the new leaf is the old one after deposit, roll, fills, withdrawal, command; every change of cash,
//! lots, orders root, epoch and owner key is exactly what the other lanes caused (poles at z); the entry ends on the margin
//! rule if touched; an unopened account without a credited deposit stays 0 and encrypts nothing.

use super::margin::{self, Margin};
use super::old::Old;
use super::positions::{self, Slot};
use super::Leaf;
use crate::batch::commands::Command;
use crate::batch::deposits::Deposit;
use crate::batch::header::Header;
use crate::batch::markets::Row;
use crate::batch::orders::Orders;
use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::babyjub::{mul_ephemeral, Base, SubgroupPoint};
use crate::gadgets::{bits, merkle, poseidon};
use ark_bn254::Fr;
use novation_state::crypto::babyjub::BASE8;
use novation_state::leaf::{AccountLeaf, CHUNK, CIPHERTEXT_WORDS, POSITION_WORD_BITS};
use novation_state::public_data::POSITION_BITS;
use novation_state::seal::PAD_WORDS;
use novation_state::size::Size;
use novation_state::tags::Tag;
use novation_state::trace::{AccountTrace, BatchTrace};
use novation_state::units::{pow2, CASH_BITS, INSTRUMENT_WORD_BITS, SLOT_BITS};

/// Wires of a finished entry.
pub struct Account {
    /// The ten words of D.
    pub words: Vec<Lc>,
    /// Absorbed: slot, touch, row positions, reduce-only counts.
    pub entry_word: Lc,
    /// New leaf, absorbed.
    pub leaf: Lc,
    /// Cash from settled positions, paid by the house's clearing balance.
    pub roll: Lc,
    /// Poles at z.
    pub pole_cash: Lc,
    pub pole_roots: Lc,
    pub pole_epoch: Lc,
    pub pole_owner: [Lc; 2],
    pub poles_lots: Vec<Lc>,
    pub poles_reducing: Vec<Lc>,
    /// Roots before and after this entry.
    pub root_in: Lc,
    pub root_out: Lc,
}

/// The shared secret of a leaf, its new salt and its pad.
pub struct Seal {
    shared: Lc,
    pub salt: Lc,
}

/// `shared = (e * V).x`, `salt = H(shared, batch * 2^24 + slot)`. V lies in the prime subgroup and is not the identity.
pub fn seal(cs: &mut Cs, header: &Header, viewing: (&Lc, &Lc), slot: &Lc) -> Seal {
    // SOUND: every V in a leaf is 8 times a curve point and not the identity, proven by the deposit that wrote it; the
    // house's is checked at deployment; an unopened entry uses B8.
    let viewing = SubgroupPoint::unchecked(viewing.0.clone(), viewing.1.clone());
    let base = Base::new(cs, &viewing);
    let shared = mul_ephemeral(cs, &base, &header.ephemeral).x().clone();
    let place = header.batch() * pow2(SLOT_BITS) + slot;
    let salt = poseidon::hash(cs, "seal.salt", Tag::Salt.fr(), &[shared.clone(), place]);
    Seal { shared, salt }
}

impl Seal {
    /// The pad for a leaf.
    pub fn pad(&self, cs: &mut Cs, leaf: &Lc) -> Vec<Lc> {
        let mut state = vec![Lc::zero(); PAD_WORDS + 1];
        state[0] = Lc::constant(Tag::Pad.fr());
        state[1] = self.shared.clone();
        state[2] = leaf.clone();
        poseidon::permute(cs, "seal.pad", &state).split_off(1)
    }
}

/// Everything the other lanes did to entry j.
struct Effects {
    orders: Lc,
    commands: Lc,
    deposits: Lc,
    deposited: Lc,
    credited: Lc,
    withdraws: Lc,
}

fn effects(orders: &Orders, deposits: &[Deposit], commands: &[Command], j: usize) -> Effects {
    Effects {
        orders: Lc::sum(orders.entries.iter().map(|o| o.at[j].lc())),
        commands: Lc::sum(commands.iter().map(|c| c.at[j].lc())),
        deposits: Lc::sum(deposits.iter().map(|d| d.at[j].lc())),
        deposited: Lc::sum(deposits.iter().map(|d| &d.amounts[j])),
        credited: Lc::sum(deposits.iter().map(|d| &d.credits[j])),
        withdraws: Lc::sum(commands.iter().map(|c| &c.withdraws[j])),
    }
}

#[allow(clippy::too_many_arguments)]
fn entry(
    cs: &mut Cs,
    size: &Size,
    header: &Header,
    rows: &[Row],
    old: &Old,
    effects: &Effects,
    z: &Lc,
    trace: Option<&BatchTrace>,
    input: Option<&AccountTrace>,
) -> Account {
    let zero = Lc::zero();
    let after: Option<&AccountLeaf> = input.and_then(|i| i.after.as_ref());
    let touch = cs.bit("account.touch", || input.is_some_and(|i| i.touch));

    // Who may act. SOUND: sums of at most 128 bits, so a product is zero only if a factor is.
    let acts = &effects.orders + &effects.commands;
    cs.enforce("account.opened_to_act", &acts, old.was.not().lc(), &zero);
    cs.enforce("account.opened_to_touch", touch.lc(), old.was.not().lc(), &zero);
    cs.enforce("account.trades_or_commands", &effects.orders, &effects.commands, &zero);
    cs.enforce("account.fills_need_touch", &effects.orders, touch.not().lc(), &zero);
    cs.enforce("account.withdrawal_needs_touch", &effects.withdraws, touch.not().lc(), &zero);
    let more = &effects.deposits - &Lc::one();
    cs.enforce("account.one_deposit", &effects.deposits, &more, &zero);
    // Opened after: it was, or a deposit opened it. `credited` is a bit by account.one_deposit.
    let opens = cs.mul("account.opens", old.was.not().lc(), &effects.credited);
    let is = Bit::unchecked(old.was.lc() + opens); // SOUND: was and (1 - was) * credited exclude each other.

    // Positions, margin, cash.
    let slots: Vec<Slot> = positions::slots(cs, rows, &touch, &old.words, input, trace);
    let margin: Margin = margin::margin(cs, size, rows, &slots);
    let cash = cs.alloc("account.new_cash", || after.map(|l| l.cash.into()).unwrap_or_default());
    bits::signed_range(cs, "account.cash_range", &cash, CASH_BITS);
    let cash_before = &old.cash + &effects.deposited + &margin.roll;
    margin::rule(cs, &margin, &slots, &touch, &effects.withdraws, &cash_before, &cash);

    // What a command may change; poles at z say that only a command did.
    let orders_root = cs.alloc("account.new_orders_root", || after.map_or(old.orders_root.value(), |l| l.orders_root));
    let epoch = cs.alloc("account.new_epoch", || after.map(|l| Fr::from(l.epoch)).unwrap_or_default());
    let owner = (
        cs.alloc("account.new_owner", || after.map_or(old.owner.0.value(), |l| l.owner.x)),
        cs.alloc("account.new_owner", || after.map_or(old.owner.1.value(), |l| l.owner.y)),
    );
    let changes = [
        &cash - &cash_before,
        &orders_root - &old.orders_root,
        &epoch - &old.epoch,
        &owner.0 - &old.owner.0,
        &owner.1 - &old.owner.1,
    ];
    // An account that stays unopened has no leaf that c could absorb: its changes must be fixed by rule, or the prover
    // would choose them after z.
    for change in &changes {
        cs.enforce("account.unopened_stays", is.not().lc(), change, &zero);
    }

    // The new leaf. Unopened entries encrypt nothing; B8 keeps their multiplication defined.
    let viewing = (
        cs.select("seal.viewing", &is, &old.viewing.0, &Lc::constant(BASE8.x)),
        cs.select("seal.viewing", &is, &old.viewing.1, &Lc::constant(BASE8.y)),
    );
    let seal = seal(cs, header, (&viewing.0, &viewing.1), &old.slot);
    let words: Vec<Lc> = slots.iter().map(|s| s.word.clone()).collect();
    let hash = Leaf {
        owner: (&owner.0, &owner.1),
        viewing: (&old.viewing.0, &old.viewing.1),
        salt: &seal.salt,
        cash: &cash,
        epoch: &epoch,
        words: &words,
        orders_root: &orders_root,
    }
    .hash(cs, "account.new_leaf");
    let leaf = cs.mul("account.new_leaf", is.lc(), &hash);
    let (root_in, root_out) =
        merkle::update(cs, "account.path", &old.slot_bits, input.map(|i| &i.path[..]), &old.leaf, &leaf);

    // Ciphertext, as AccountLeaf::plaintext packs it.
    let pad = seal.pad(cs, &hash);
    let mut plaintext = vec![Lc::zero(); CIPHERTEXT_WORDS];
    plaintext[0] = &cash + &epoch * pow2(CASH_BITS + 1);
    plaintext[1] = orders_root.clone();
    for (k, word) in words.iter().enumerate() {
        plaintext[2 + k / 3].add_scaled(word, pow2(POSITION_WORD_BITS * (k % 3)));
    }
    debug_assert!(words.len() <= CHUNK);
    let mut public = vec![old.slot.clone(), leaf.clone()];
    for (text, pad) in plaintext.iter().zip(&pad) {
        public.push(cs.mul("account.ciphertext", is.lc(), &(text + pad)));
    }

    // Absorbed: 24 + 1 + 16 * 14 = 249 bits. Row positions are at most 127 by Size, counts are ranged.
    let mut entry_word = &old.slot + touch.lc() * pow2(SLOT_BITS);
    for (k, slot) in slots.iter().enumerate() {
        let shift = SLOT_BITS + 1 + 2 * POSITION_BITS * k;
        for (r, at) in slot.at.iter().enumerate() {
            entry_word.add_scaled(at.lc(), pow2(shift) * Fr::from(r as u64 + 1));
        }
        entry_word.add_scaled(&slot.reducing, pow2(shift + POSITION_BITS));
    }

    let [cash_change, roots_change, epoch_change, owner_x, owner_y] = changes;
    let key = |slot: &Slot| &old.slot * pow2(INSTRUMENT_WORD_BITS) + &slot.id;
    Account {
        words: public,
        entry_word: entry_word.compact(),
        leaf,
        roll: margin.roll.clone(),
        pole_cash: bits::pole(cs, "link.cash", z, &old.slot, &cash_change),
        pole_roots: bits::pole(cs, "link.roots", z, &old.slot, &roots_change),
        pole_epoch: bits::pole(cs, "link.epoch", z, &old.slot, &epoch_change),
        pole_owner: [owner_x, owner_y].map(|w| bits::pole(cs, "link.owner", z, &old.slot, &w)),
        poles_lots: slots.iter().map(|s| bits::pole(cs, "link.lots", z, &key(s), &(&s.after - &s.rolled))).collect(),
        poles_reducing: slots.iter().map(|s| bits::pole(cs, "link.reducing", z, &key(s), &s.reducing)).collect(),
        root_in,
        root_out,
    }
}

/// All entries, tied into one chain of roots from the header's old root.
#[allow(clippy::too_many_arguments)]
pub fn entries(
    cs: &mut Cs,
    size: &Size,
    header: &Header,
    rows: &[Row],
    old: &[Old],
    orders: &Orders,
    deposits: &[Deposit],
    commands: &[Command],
    z: &Lc,
    trace: Option<&BatchTrace>,
) -> Vec<Account> {
    let entries = cs.parallel("accounts", size.accounts, |cs, j| {
        let effects = effects(orders, deposits, commands, j);
        entry(cs, size, header, rows, &old[j], &effects, z, trace, trace.map(|t| &t.accounts[j]))
    });
    let mut root = header.old_root().clone();
    for (j, entry) in entries.iter().enumerate() {
        cs.scope("accounts", j);
        cs.enforce_eq("account.root_chain", &entry.root_in, &root);
        root = entry.root_out.clone();
    }
    entries
}
