//! The batch circuit: each lane proves one kind of statement, the accounts lane applies their net effect, links at z tie
//! them together.
//!
//! Statement: the public data D is the outcome of applying a batch, by the rules of `novation-state`, to the accounts under
//! the old root with the markets under the markets root; and `c` commits to everything D is computed from.
//!
//! Public inputs: c, z, y. `y = sum D_i z^i`; the contract derives z from D and c, so a wire may enter an equation at z only
//! if it is absorbed by c, opened under an absorbed hash or root, or computed deterministically from such wires.
//!
//! | lane | file | statement |
//! |---|---|---|
//! | header | `header` | ranges of times and windows, `R = e * B8` |
//! | markets | `markets` | rows opened from the markets root, strictly increasing |
//! | accounts (old) | `accounts::old` | old leaves opened, strictly increasing slots |
//! | clearings | `clearings` | one price per (row, window), inside the band, of a fillable row |
//! | orders | `orders` | signed, current, not worse than limit, fills within the order |
//! | deposits | `deposits` | credited exactly when possible |
//! | commands | `commands` | withdraw, cancel, epoch, rotate, signed |
//! | accounts (new) | `accounts::new`, `accounts::margin` | roll, net effect, margin, new leaf, ciphertext |
//! | house | `house` | clearing and fees |
//! | links | `links` | poles at z, commitment c, value y |

mod accounts;
mod clearings;
mod commands;
mod deposits;
mod header;
mod house;
mod links;
mod markets;
mod orders;

use crate::cs::{Cs, Failure, Lie, Matrices, Mode};
use ark_bn254::Fr;
use novation_state::public_data::PublicData;
use novation_state::size::Size;
use novation_state::trace::BatchTrace;

/// Describes the batch circuit of `size` to `cs`. `batch` is `None` only in shape mode.
pub fn synthesize(cs: &mut Cs, size: &Size, batch: Option<(&BatchTrace, &PublicData)>) {
    size.assert_valid();
    assert_eq!(batch.is_none(), cs.mode() == Mode::Shape, "a witness needs a batch, a shape none");
    let trace = batch.map(|(trace, _)| trace);
    let inputs = batch.map(|(_, public)| public.inputs()).unwrap_or_default();
    let [c, z, y] = inputs.map(|v| cs.public(v));

    let header = header::header(cs, size, trace);
    let rows = markets::rows(cs, size, &header, trace);
    let old = accounts::old::entries(cs, size, trace);
    let clearings = clearings::clearings(cs, size, &header, &rows, trace);
    let orders = orders::orders(cs, size, &header, &old, &clearings, &z, trace);
    let deposits = deposits::deposits(cs, size, &header, &old, trace);
    let commands = commands::commands(cs, size, &header, &old, &z, trace);
    let accounts = accounts::new::entries(cs, size, &header, &rows, &old, &orders, &deposits, &commands, &z, trace);
    let house = house::house(cs, &header, &accounts, &orders, trace);
    links::poles(cs, &orders, &commands, &accounts);
    links::commitment(
        cs, size, &header, &rows, &clearings, &orders, &deposits, &commands, &accounts, &house, trace, &c,
    );
    links::evaluation(cs, &header, &deposits, &commands, &accounts, &house, &z, &y);
}

/// The matrices of a size.
pub fn matrices(size: &Size) -> Matrices {
    let mut cs = Cs::new(Mode::Shape, &[]);
    synthesize(&mut cs, size, None);
    cs.into_matrices()
}

/// The full assignment for a batch: 1, c, z, y, witness. Nothing is checked.
pub fn assignment(trace: &BatchTrace, public: &PublicData) -> Vec<Fr> {
    let mut cs = Cs::new(Mode::Witness, &[]);
    synthesize(&mut cs, &trace.size, Some((trace, public)));
    cs.into_assignment()
}

/// Every constraint that `trace` violates, with `lies` told through the hint seam. Empty means provable.
pub fn failures(trace: &BatchTrace, public: &PublicData, lies: &[Lie]) -> Vec<Failure> {
    let mut cs = Cs::new(Mode::Check, lies);
    synthesize(&mut cs, &trace.size, Some((trace, public)));
    cs.failures().to_vec()
}

/// Says that a batch is provable, before anyone is told of its fills.
pub fn check(trace: &BatchTrace, public: &PublicData) -> Result<(), Unprovable> {
    match failures(trace, public, &[]).first() {
        None => Ok(()),
        Some(first) => Err(Unprovable(*first)),
    }
}

/// The batch violates a constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("batch violates constraint {} in entry {} of lane {}", .0.name, .0.index, .0.lane)]
pub struct Unprovable(pub Failure);
