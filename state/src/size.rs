//! Circuit sizes: how much fits one batch.

use serde::Serialize;

/// Version of the batch circuit. Any change to a constraint or to the public data raises it.
pub const CIRCUIT_VERSION: u32 = 1;

/// Lane sizes of a batch circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Identifies the size on L1.
    pub id: u32,
    /// Name.
    pub name: &'static str,
    /// Account entries, without the house.
    pub accounts: usize,
    /// Orders.
    pub orders: usize,
    /// Market rows, at least twice `slots`, so that any two accounts can trade; at most 127.
    pub rows: usize,
    /// Positions per account, at most 16.
    pub slots: usize,
    /// Clearings: (row, window, price).
    pub clearings: usize,
    /// L1 deposits consumed.
    pub deposits: usize,
    /// Commands.
    pub commands: usize,
    /// Underlyings.
    pub underlyings: usize,
}

/// For tests.
pub const TINY: Size = Size {
    id: 1,
    name: "tiny",
    accounts: 4,
    orders: 4,
    rows: 8,
    slots: 4,
    clearings: 3,
    deposits: 2,
    commands: 2,
    underlyings: 2,
};

/// For the demo.
pub const DEMO: Size = Size {
    id: 2,
    name: "demo",
    accounts: 8,
    orders: 16,
    rows: 32,
    slots: 16,
    clearings: 8,
    deposits: 4,
    commands: 2,
    underlyings: 2,
};

/// For a venue.
pub const LARGE: Size = Size {
    id: 3,
    name: "large",
    accounts: 64,
    orders: 128,
    rows: 64,
    slots: 16,
    clearings: 64,
    deposits: 16,
    commands: 16,
    underlyings: 2,
};

/// Every size that has a name.
pub const ALL: [Size; 3] = [TINY, DEMO, LARGE];

impl Size {
    /// Checks what the circuit relies on; panics with the rule that is broken.
    pub const fn assert_valid(&self) {
        assert!(self.rows >= 2 * self.slots, "rows >= 2 * slots");
        assert!(self.rows < 128, "row positions take 7 bits");
        assert!(self.slots >= 1 && self.slots <= 16, "one chunk of positions");
        assert!(self.underlyings >= 1 && self.underlyings <= 8, "underlyings take 3 bits");
        assert!(self.clearings < 1 << 16, "clearing indices take 16 bits");
    }

    /// The size called `name`.
    pub fn by_name(name: &str) -> Option<Size> {
        ALL.into_iter().find(|s| s.name == name)
    }

    /// The word that names version and size in the public data.
    pub fn circuit_id(&self) -> u64 {
        (u64::from(CIRCUIT_VERSION) << 32) + u64::from(self.id)
    }
}
