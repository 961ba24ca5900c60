//! One account, twice: what everybody sees of it, and what its viewing key opens.

use super::party::Party;
use super::DemoError;
use crate::instrument::MICRO;
use crate::oracle::rounds::Oracle;
use novation_state::leaf::{AccountLeaf, MarketLeaf, Status};
use novation_state::math::margin::{withdrawable, Margin};
use novation_state::math::value::{equity, Holding};
use novation_verifier::encoding::to_hex_word;
use novation_verifier::watch::chain::PublicChain;
use serde::Serialize;

/// What the public sees. Money in micro-units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicView {
    /// Account slot.
    pub slot: i64,
    /// Who deposited, on L1.
    pub depositor: String,
    /// Amounts deposited.
    pub deposits: Vec<u128>,
    /// Amounts withdrawn, to whom.
    pub withdrawals: Vec<(u128, String)>,
    /// Batches that rewrote the slot; in some of them nothing happened to it.
    pub rewritten_in: Vec<u64>,
    /// Hash of the leaf.
    pub leaf_hash: String,
    /// Its ciphertext.
    pub ciphertext: Vec<String>,
}

/// A position, as its owner reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PositionView {
    /// Name of the instrument.
    pub instrument: String,
    /// Signed lots.
    pub lots: i64,
    /// Mark in dollars, or the settlement price of what has settled.
    pub mark: String,
    /// Worth in micro-units.
    pub value: i128,
    /// Whether it is settled and waits to be rolled into cash.
    pub settled: bool,
}

/// What the viewing key opens. Money in micro-units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrivateView {
    /// Worth at the marks.
    pub equity: i128,
    /// Initial margin.
    pub initial: i128,
    /// Maintenance margin.
    pub maintenance: i128,
    /// What may be withdrawn; negative if margin is owed.
    pub withdrawable: i128,
    /// Positions.
    pub positions: Vec<PositionView>,
}

/// Both views.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountView {
    /// The trader's name.
    pub trader: String,
    /// Everybody's.
    pub public: PublicView,
    /// The owner's.
    pub private: PrivateView,
}

/// Looks at a trader's account from both sides.
///
/// # Errors
/// [`DemoError::Chain`] if the account does not open.
pub fn account(trader: &Party, chain: &PublicChain, oracle: &Oracle) -> Result<AccountView, DemoError> {
    let leaf = chain.open(trader.client.account(), trader.client.wallet().viewing())?;
    Ok(AccountView {
        trader: trader.name.clone(),
        public: public(trader, chain)?,
        private: private(&leaf, chain, oracle),
    })
}

fn public(trader: &Party, chain: &PublicChain) -> Result<PublicView, DemoError> {
    let slot = trader.client.account();
    let (published, words) = chain.sealed(slot)?;
    let mine = || chain.deposits().into_iter().filter(|deposit| deposit.slot == slot);
    // Nobody knows which slot a withdrawal left from; that it went to the depositor's own address says it nevertheless.
    let paid = chain.withdrawals().into_iter().filter(|(_, w)| w.recipient == trader.address.into_array());
    Ok(PublicView {
        slot: slot.get(),
        depositor: mine().next().map_or(String::new(), |deposit| deposit.depositor.to_string()),
        deposits: mine().map(|deposit| deposit.amount).collect(),
        withdrawals: paid.map(|(_, w)| (w.amount, alloy::primitives::Address::from(w.recipient).to_string())).collect(),
        rewritten_in: chain.rewritten(slot),
        leaf_hash: to_hex_word(&published.hash),
        ciphertext: words.iter().map(to_hex_word).collect(),
    })
}

/// What an opened leaf is worth by the public markets.
pub fn private(leaf: &AccountLeaf, chain: &PublicChain, oracle: &Oracle) -> PrivateView {
    let markets = chain.markets();
    let open = leaf.positions.iter().filter(|position| !position.is_empty());
    // Positions were proven to match listed instruments.
    let market = |id| -> &MarketLeaf { markets.get(id).expect("a proven position names a listed instrument") };
    let held: Vec<_> =
        open.map(|position| (position.id, Holding { lots: position.lots, market: market(position.id) })).collect();
    let holdings: Vec<Holding> = held.iter().map(|(_, holding)| *holding).collect();
    let margin = Margin::of(&holdings);
    let position = |(id, holding): &(_, Holding)| {
        let terms = oracle.terms(*id).expect("the oracle listed it");
        PositionView {
            instrument: terms.to_string(),
            lots: holding.lots.get(),
            mark: terms.asset.show(holding.market.mark),
            value: holding.value(),
            settled: holding.market.status == Status::Settled,
        }
    };
    PrivateView {
        equity: equity(leaf.cash.get(), &holdings),
        initial: margin.initial(),
        maintenance: margin.maintenance(),
        withdrawable: withdrawable(leaf.cash.get(), &holdings),
        positions: held.iter().map(position).collect(),
    }
}

/// Micro-units as dollars.
pub fn usd(micro: i128) -> String {
    let (sign, micro) = (if micro < 0 { "-" } else { "" }, micro.unsigned_abs());
    let scale = u128::from(MICRO.unsigned_abs());
    format!("{sign}{}.{:02}", micro / scale, micro % scale / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_keep_their_sign_and_cents() {
        assert_eq!(usd(-1_500_000), "-1.50");
        assert_eq!(usd(-10_000), "-0.01");
        assert_eq!(usd(123_456_789), "123.45");
    }
}
