//! Batches that a contract would accept, with words that follow from a seed where any element serves.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use novation_state::size::Size;
use novation_verifier::batch::{Account, Batch, Deposit, Header, Withdrawal};
use sha3::{Digest, Keccak256};

/// An element that follows from a name and a number.
pub fn element(name: &str, index: u64) -> Fr {
    Fr::from_be_bytes_mod_order(&Keccak256::digest(format!("{name} {index}")))
}

/// A batch of `size` with one deposit credited, one refunded, and a withdrawal by the last command.
pub fn sample(size: Size) -> Batch {
    let e = |name| element(name, u64::from(size.id));
    Batch {
        size,
        header: Header {
            deployment: Fr::from(0xd390_0000_u64),
            circuit: size.circuit_id(),
            batch: 1,
            old_root: e("old root"),
            new_root: e("new root"),
            markets_number: 1,
            markets_root: e("markets root"),
            time: 1_800_000_000,
            window_first: 1,
            window_last: 3,
            log_root: e("log root"),
            log_first: 1,
            log_last: 40,
            r_x: e("r.x"),
            r_y: e("r.y"),
            deposit_first: 0,
        },
        deposits: (0..2)
            .map(|i| Deposit {
                owner_eighth: [element("owner x", i), element("owner y", i)],
                viewing_eighth: [element("viewing x", i), element("viewing y", i)],
                slot: i as u32 + 1,
                amount: 1_000_000 * (u128::from(i) + 1),
                credited: i == 0,
            })
            .collect(),
        withdrawals: vec![Withdrawal {
            command: size.commands - 1,
            chain: 31_337,
            recipient: [0xab; 20],
            amount: 250_000,
        }],
        accounts: (0..size.accounts as u64)
            .map(|i| Account {
                slot: i as u32 + 1,
                sealed: std::array::from_fn(|word| element("account", 16 * i + word as u64)),
            })
            .collect(),
        house: std::array::from_fn(|word| element("house", word as u64)),
    }
}
