//! The ledger: accounts, house, and where the last batch left off.

use crate::account::Account;
use crate::crypto::babyjub::Point;
use crate::leaf::HouseLeaf;
use crate::markets::Markets;
use crate::reject::Rejection;
use crate::size::Size;
use crate::trace::BatchTrace;
use crate::transition::{self, BatchInput, Guard, Transition};
use crate::tree::AccountsTree;
use crate::units::{AccountSlot, Cash, Time, Window};
use ark_bn254::Fr;
use ark_ff::{PrimeField, Zero};
use sha3::{Digest, Keccak256};
use std::collections::BTreeMap;

/// The house's place in the accounts tree.
pub const HOUSE: AccountSlot = AccountSlot::ZERO;

/// Which contract on which chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// What every message is signed for.
    pub id: Fr,
    /// Chain id, on which withdrawals are paid.
    pub chain: u64,
}

impl Deployment {
    /// `keccak256(abi.encode("novation", chain, contract)) >> 8`: 248 bits, a field element without reduction.
    pub fn new(chain: u64, contract: [u8; 20]) -> Deployment {
        // Solidity's ABI: the string's offset, chain, address; then the string's length and its bytes padded to a word.
        let mut words = [[0u8; 32]; 5];
        words[0][31] = 96;
        words[1][24..].copy_from_slice(&chain.to_be_bytes());
        words[2][12..].copy_from_slice(&contract);
        words[3][31] = 8;
        words[4][..8].copy_from_slice(b"novation");
        let digest = Keccak256::digest(words.concat());
        Deployment { id: Fr::from_be_bytes_mod_order(&digest[..31]), chain }
    }
}

/// Where the last batch left off; what the contract remembers too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last batch's number, 0 at genesis.
    pub batch: u64,
    /// Its time.
    pub time: Time,
    /// Number of its markets root, 0 at genesis.
    pub markets: u32,
    /// The last window ever, 0 at genesis.
    pub window: Window,
    /// The last log entry, 0 at genesis.
    pub log: u64,
    /// Deposits consumed, which is the index of the next.
    pub deposits: u64,
}

/// The state behind the accounts root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    pub(crate) deployment: Deployment,
    pub(crate) accounts: BTreeMap<AccountSlot, Account>,
    pub(crate) house: HouseLeaf,
    pub(crate) tree: AccountsTree,
    pub(crate) head: Head,
}

impl Ledger {
    /// The ledger before the first batch: no accounts, and a house without money. Its salt is 0: nothing is hidden yet.
    pub fn genesis(deployment: Deployment, house_viewing: Point) -> Ledger {
        let house = HouseLeaf {
            viewing: house_viewing,
            salt: Fr::zero(),
            clearing: Cash::ZERO,
            fees: Cash::ZERO,
            insurance: Cash::ZERO,
        };
        let mut tree = AccountsTree::new();
        tree.set(HOUSE.get() as u64, house.hash());
        let head = Head { batch: 0, time: Time::ZERO, markets: 0, window: Window::ZERO, log: 0, deposits: 0 };
        Ledger { deployment, accounts: BTreeMap::new(), house, tree, head }
    }

    /// The accounts root.
    pub fn root(&self) -> Fr {
        self.tree.root()
    }

    /// Contract and chain.
    pub fn deployment(&self) -> Deployment {
        self.deployment
    }

    /// Where the last batch left off.
    pub fn head(&self) -> Head {
        self.head
    }

    /// An account, `None` if it was never opened.
    pub fn account(&self, slot: AccountSlot) -> Option<&Account> {
        self.accounts.get(&slot)
    }

    /// Opened accounts by slot.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountSlot, &Account)> {
        self.accounts.iter().map(|(slot, account)| (*slot, account))
    }

    /// The house.
    pub fn house(&self) -> &HouseLeaf {
        &self.house
    }

    /// The accounts tree.
    pub fn tree(&self) -> &AccountsTree {
        &self.tree
    }

    /// Applies a batch whole, or refuses it and stays as it is.
    ///
    /// # Errors
    /// The first rule broken, in the order of [`crate::transition`].
    pub fn apply(&mut self, size: Size, markets: &Markets, input: BatchInput) -> Result<BatchTrace, Rejection> {
        self.apply_guarded(size, markets, input, &mut Guard::Strict)
    }

    /// What [`Ledger::apply`] would give, without applying it.
    ///
    /// # Errors
    /// As [`Ledger::apply`].
    pub fn check(&self, size: Size, markets: &Markets, input: BatchInput) -> Result<BatchTrace, Rejection> {
        transition::run(self, size, markets, input, &mut Guard::Strict).map(|t| t.trace)
    }

    /// The seam for adversarial tests: with [`Guard::Lenient`] a broken rule is recorded and the trace is built as if the rule
    /// did not exist, so that the circuit can be shown to refuse what the ledger refuses. The ledger takes the batch only
    /// if no rule was broken.
    ///
    /// # Errors
    /// The first broken rule under [`Guard::Strict`]; under [`Guard::Lenient`] one without which there is nothing to build: an
    /// account that does not exist, a full lane, a number that has no representation.
    pub fn apply_guarded(
        &mut self,
        size: Size,
        markets: &Markets,
        input: BatchInput,
        guard: &mut Guard,
    ) -> Result<BatchTrace, Rejection> {
        let Transition { trace, accounts, tree } = transition::run(self, size, markets, input, guard)?;
        if guard.is_clean() {
            self.tree.absorb(tree);
            self.accounts.extend(accounts);
            self.house = trace.house.after.clone();
            self.head = Head {
                batch: trace.header.batch,
                time: trace.header.time,
                markets: trace.header.markets_number,
                window: trace.header.window_last,
                log: trace.header.log_last,
                deposits: self.head.deposits + trace.deposits.len() as u64,
            };
            debug_assert_eq!(self.root(), trace.header.new_root);
        }
        Ok(trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::babyjub::BASE8;
    use crate::tree;

    #[test]
    fn genesis_root_holds_the_house_and_nothing_else() {
        let ledger = Ledger::genesis(Deployment::new(1, [7; 20]), BASE8);
        let path = [[Fr::zero(); 3]; 12];
        let mut expected = AccountsTree::new();
        expected.set(0, ledger.house().hash());
        assert_eq!(ledger.root(), expected.root());
        assert_eq!(tree::verify(ledger.root(), 0, ledger.house().hash(), &ledger.tree().path(0)), Ok(()));
        assert_eq!(ledger.tree().path(0)[0], path[0]);
        assert_eq!(ledger.accounts().count(), 0);
    }

    #[test]
    fn deployment_id_is_the_top_248_bits_of_the_abi_hash() {
        // keccak256(abi.encode("novation", uint256(31337), address(0x01..14))), computed with another implementation.
        let contract = std::array::from_fn(|i| i as u8 + 1);
        let deployment = Deployment::new(31_337, contract);
        let expected = EXPECTED_ID;
        assert_eq!(hex(&deployment.id), expected);
        assert_ne!(Deployment::new(1, contract).id, deployment.id);
        assert_ne!(Deployment::new(31_337, [0; 20]).id, deployment.id);
    }

    const EXPECTED_ID: &str = "000300e12ce85be535e0196453de4dfb02514123331c13811fe328024d22745b";

    fn hex(x: &Fr) -> String {
        use ark_ff::BigInteger;
        x.into_bigint().to_bytes_be().iter().map(|b| format!("{b:02x}")).collect()
    }
}
