//! Counted figures of the batch circuit, pinned in `circuits/pins/constraints.json`.

use crate::batch;
use novation_state::size::{Size, DEMO, LARGE};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one more entry costs, and what whole batches cost, in constraints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// One more account entry: 16 slots, 64 rows, 16 scenarios, 2 underlyings, other lanes as in the demo size.
    pub account: usize,
    /// One more order, with 64 accounts and 64 clearings to choose from.
    pub order: usize,
    /// One more market row, in the markets lane.
    pub row: usize,
    /// The demo size.
    pub batch_demo: usize,
    /// The large size.
    pub batch_large: usize,
    /// The lanes of the demo size.
    pub lanes_demo: BTreeMap<String, usize>,
    /// The lanes of the large size.
    pub lanes_large: BTreeMap<String, usize>,
}

fn total(size: &Size) -> usize {
    batch::matrices(size).num_constraints()
}

fn lanes(size: &Size) -> BTreeMap<String, usize> {
    batch::matrices(size).lane_counts().into_iter().map(|(lane, n)| (lane.to_string(), n)).collect()
}

/// Counts everything anew. Marginal costs are `(total at 2N - total at N) / N`.
///
/// A row is counted in its own lane: what it adds to every account entry is part of the account's cost at 64 rows.
pub fn count() -> Figures {
    let account = |n| total(&Size { rows: 64, accounts: n, ..DEMO });
    let order = |n| total(&Size { rows: 32, accounts: 64, clearings: 64, orders: n, ..DEMO });
    let row = |n| lanes(&Size { rows: n, accounts: 1, ..DEMO })["markets"];
    let (lanes_demo, lanes_large) = (lanes(&DEMO), lanes(&LARGE));
    Figures {
        account: (account(8) - account(4)) / 4,
        order: (order(8) - order(4)) / 4,
        row: (row(64) - row(32)) / 32,
        batch_demo: lanes_demo.values().sum(),
        batch_large: lanes_large.values().sum(),
        lanes_demo,
        lanes_large,
    }
}

/// The pinned figures.
pub fn pinned() -> Figures {
    serde_json::from_str(include_str!("../pins/constraints.json")).expect("the pin is written by this crate's test")
}
