//! What ties the lanes together: pole sums, the commitment c, the value y.

use super::accounts::new::Account;
use super::clearings::Clearing;
use super::commands::Command;
use super::deposits::Deposit;
use super::header::Header;
use super::house::House;
use super::markets::Row;
use super::orders::Orders;
use crate::cs::{Cs, Lc};
use crate::gadgets::poseidon;
use ark_bn254::Fr;
use novation_state::public_data::{CLEARINGS_PER_WORD, CLEARING_BITS, FILLS_PER_WORD, FILL_BITS, IDS_PER_WORD, RATE};
use novation_state::size::Size;
use novation_state::tags::Tag;
use novation_state::trace::BatchTrace;
use novation_state::units::{pow2, INSTRUMENT_BITS, INSTRUMENT_WORD_BITS, TIME_BITS};

/// The equations at z. Each says: for every key, what the causes weigh is what the effects weigh.
///
/// | equation | key | causes | effects |
/// |---|---|---|---|
/// | `link.lots` | account, instrument | signed fills | lots after - rolled |
/// | `link.clearing` | clearing | signed fills | nothing: they net to zero |
/// | `link.reducing` | account, instrument | reduce-only orders | claimed count |
/// | `link.cash` | account | fills, fees, withdrawals | cash after - before |
/// | `link.roots` | account | order slots used | orders root after - before |
/// | `link.epoch` | account | epoch commands | epoch after - before |
/// | `link.owner` | account | rotations | owner key after - before |
pub fn poles(cs: &mut Cs, orders: &Orders, commands: &[Command], accounts: &[Account]) {
    cs.scope("links", 0);
    let zero = Lc::zero();
    let each = &orders.entries;
    let mut equal = |name, causes: Lc, effects: Lc| cs.enforce(name, &(causes - effects), &Lc::one(), &zero);

    equal(
        "link.lots",
        Lc::sum(each.iter().map(|o| &o.pole_lots)),
        Lc::sum(accounts.iter().flat_map(|a| &a.poles_lots)),
    );
    equal("link.clearing", Lc::sum(each.iter().map(|o| &o.pole_clearing)), Lc::zero());
    equal(
        "link.reducing",
        Lc::sum(each.iter().map(|o| &o.pole_reducing)),
        Lc::sum(accounts.iter().flat_map(|a| &a.poles_reducing)),
    );
    equal(
        "link.cash",
        Lc::sum(each.iter().map(|o| &o.pole_cash).chain(commands.iter().map(|c| &c.pole_cash))),
        Lc::sum(accounts.iter().map(|a| &a.pole_cash)),
    );
    equal(
        "link.roots",
        Lc::sum(orders.pole_roots.iter().chain(commands.iter().map(|c| &c.pole_roots))),
        Lc::sum(accounts.iter().map(|a| &a.pole_roots)),
    );
    equal(
        "link.epoch",
        Lc::sum(commands.iter().map(|c| &c.pole_epoch)),
        Lc::sum(accounts.iter().map(|a| &a.pole_epoch)),
    );
    for i in 0..2 {
        equal(
            "link.owner",
            Lc::sum(commands.iter().map(|c| &c.pole_owner[i])),
            Lc::sum(accounts.iter().map(|a| &a.pole_owner[i])),
        );
    }
}

/// Packs like `public_data::pack`.
fn pack(values: &[Lc], bits: usize, per_word: usize) -> Vec<Lc> {
    values
        .chunks(per_word)
        .map(|chunk| {
            let mut word = Lc::zero();
            for (i, value) in chunk.iter().enumerate() {
                word.add_scaled(value, pow2(bits * i));
            }
            word
        })
        .collect()
}

/// `link.commitment`: c is the sponge over everything D is computed from and everything the equations at z rest on, in the
/// order of `public_data::absorbed`, with one random word so that it hides.
#[allow(clippy::too_many_arguments)]
pub fn commitment(
    cs: &mut Cs,
    size: &Size,
    header: &Header,
    rows: &[Row],
    clearings: &[Clearing],
    orders: &Orders,
    deposits: &[Deposit],
    commands: &[Command],
    accounts: &[Account],
    house: &House,
    trace: Option<&BatchTrace>,
    c: &Lc,
) {
    cs.scope("commitment", 0);
    debug_assert_eq!(rows.len(), size.rows);
    let blind = cs.alloc("link.blind", || trace.map(|t| t.blind).unwrap_or_default());
    let mut words: Vec<Lc> = header.words.clone();
    words.extend(deposits.iter().flat_map(|d| d.words.iter().cloned()));
    // Ids are 20 bits by their paths.
    let ids: Vec<Lc> = rows.iter().map(|r| r.id.clone()).collect();
    words.extend(pack(&ids, INSTRUMENT_BITS, IDS_PER_WORD));
    words.push(house.words[0].clone());
    words.push(blind);
    let packed: Vec<Lc> = clearings
        .iter()
        .map(|c| &c.id + &c.window * pow2(INSTRUMENT_WORD_BITS) + &c.price * pow2(INSTRUMENT_WORD_BITS + TIME_BITS))
        .collect();
    words.extend(pack(&packed, CLEARING_BITS, CLEARINGS_PER_WORD));
    let fills: Vec<Lc> = orders.entries.iter().map(|o| o.fill.clone()).collect();
    words.extend(pack(&fills, FILL_BITS, FILLS_PER_WORD));
    words.extend(orders.entries.iter().map(|o| o.message.clone()));
    words.extend(commands.iter().map(|c| c.message.clone()));
    for account in accounts {
        words.push(account.leaf.clone());
        words.push(account.entry_word.clone());
    }

    let mut state = vec![Lc::zero(); RATE + 1];
    state[0] = Lc::constant(Tag::Commitment.fr() + Fr::from(words.len() as u64) * pow2(32));
    for block in words.chunks(RATE) {
        for (s, word) in state[1..].iter_mut().zip(block) {
            *s += word;
        }
        state = poseidon::permute(cs, "link.commitment", &state);
    }
    cs.enforce_eq("link.commitment", &state[1], c);
}

/// `link.evaluation`: y is the value at z of the polynomial with coefficients D, one constraint a word.
#[allow(clippy::too_many_arguments)]
pub fn evaluation(
    cs: &mut Cs,
    header: &Header,
    deposits: &[Deposit],
    commands: &[Command],
    accounts: &[Account],
    house: &House,
    z: &Lc,
    y: &Lc,
) {
    cs.scope("evaluation", 0);
    let words: Vec<&Lc> = header
        .words
        .iter()
        .chain(deposits.iter().flat_map(|d| &d.words))
        .chain(commands.iter().flat_map(|c| &c.words))
        .chain(accounts.iter().flat_map(|a| &a.words))
        .chain(&house.words)
        .collect();
    let mut sum = Lc::zero();
    for word in words.iter().rev() {
        sum = cs.mul("link.evaluation", &sum, z) + *word;
    }
    cs.enforce_eq("link.evaluation", &sum, y);
}
