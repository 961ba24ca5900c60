//! The trader's business on L1: deposits, claims, and the roots that the contract accepted.

use super::{ClientError, Wallet};
use crate::wire::VenueView;
use alloy::eips::BlockId;
use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::Filter;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolEvent;
use ark_bn254::Fr;
use novation_state::crypto::babyjub::Point;
use novation_verifier::encoding::{from_word, to_hex_word};
use novation_verifier::l1::bindings::Novation::{BatchAccepted, MarketsAccepted};
use novation_verifier::l1::{DepositRequest, L1Error, L1};
use novation_verifier::tls;

use super::verify::OnL1;

/// Blocks asked for at once: below what public providers allow.
const PAGE: u64 = 2_000;

/// Who pays on L1.
pub enum Payer {
    /// A private key: transactions are signed here.
    Key(Box<PrivateKeySigner>),
    /// An account of a development L1, by its number: the L1 signs.
    Development(usize),
    /// Nobody: only reading.
    Nobody,
}

/// Connects to an L1 by URL, and to the venue's contract there, which must be the venue's by its deployment id. Returns the
/// client and the paying account.
///
/// # Errors
/// [`ClientError::L1`], [`ClientError::L1Root`] for another deployment.
pub async fn connect(url: &str, venue: &VenueView, payer: Payer) -> Result<(L1, Option<Address>), ClientError> {
    let parsed = url.parse();
    let parsed = parsed.map_err(|_| ClientError::Url { url: url.to_owned(), reason: "not a URL of an L1".into() })?;
    tls::ready();
    let builder = ProviderBuilder::new();
    let (provider, payer): (DynProvider, _) = match payer {
        Payer::Key(signer) => {
            let address = signer.address();
            (builder.wallet(EthereumWallet::from(*signer)).connect_http(parsed).erased(), Some(address))
        }
        Payer::Development(number) => {
            let provider = builder.connect_http(parsed).erased();
            let accounts = provider.get_accounts().await.map_err(L1Error::from)?;
            let account = accounts
                .get(number)
                .copied()
                .ok_or(ClientError::NoDevelopmentAccount { number, accounts: accounts.len() })?;
            (provider, Some(account))
        }
        Payer::Nobody => (builder.connect_http(parsed).erased(), None),
    };
    let l1 = L1::attach(provider, Address::from(venue.contract.0)).await?;
    // The id is of chain and contract: what is signed for it is good there and nowhere else.
    if l1.deployment() != venue.deployment.0 {
        return Err(ClientError::L1Root {
            what: "the deployment".into(),
            shown: venue.deployment.to_string(),
            accepted: to_hex_word(&l1.deployment()),
        });
    }
    Ok((l1, payer))
}

/// What a deposit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposited {
    /// Index in the L1 queue.
    pub index: u64,
    /// The account slot; it holds only once the block is final.
    pub account: u32,
    /// Gas of the deposit, without the approval.
    pub gas: u64,
}

/// Deposits for a wallet, into its account or a new one; approves first what is not approved.
///
/// # Errors
/// [`ClientError::L1`].
pub async fn deposit(
    l1: &L1,
    from: Address,
    wallet: &Wallet,
    account: Option<u32>,
    amount: u128,
) -> Result<Deposited, ClientError> {
    let words = |point: Point| [point.x, point.y];
    let [owner, viewing] = wallet.eighths();
    let request = DepositRequest { slot: account, owner_eighth: words(owner), viewing_eighth: words(viewing), amount };
    l1.approve(from, U256::from(amount)).await?;
    let (index, account, receipt) = l1.deposit(from, &request).await?;
    Ok(Deposited { index, account, gas: receipt.gas_used })
}

/// Whether L1 accepted this root for this batch.
///
/// # Errors
/// [`ClientError::L1Root`] if it accepted another; [`ClientError::L1`].
pub async fn check_batch(l1: &L1, batch: u64, root: &Fr) -> Result<OnL1, ClientError> {
    let head = l1.head(BlockId::latest()).await?;
    let last = u64::from(head.batch);
    if last < batch {
        return Ok(OnL1::NotYet { last });
    }
    let accepted = if last == batch {
        Some(head.root)
    } else {
        let event = find(l1, BatchAccepted::SIGNATURE_HASH, batch).await?;
        event.and_then(|log| BatchAccepted::decode_log(&log.inner).ok()).map(|log| log.root)
    };
    compare(format!("batch {batch}"), accepted, root, last)
}

/// Whether L1 accepted this root for this number of the markets.
///
/// # Errors
/// As [`check_batch`].
pub async fn check_markets(l1: &L1, number: u32, root: &Fr) -> Result<OnL1, ClientError> {
    let (last, _) = l1.last_markets(BlockId::latest()).await?;
    if last < number {
        return Ok(OnL1::NotYet { last: last.into() });
    }
    let event = find(l1, MarketsAccepted::SIGNATURE_HASH, number.into()).await?;
    let accepted = event.and_then(|log| MarketsAccepted::decode_log(&log.inner).ok()).map(|log| log.root);
    compare(format!("markets {number}"), accepted, root, last.into())
}

fn compare(what: String, accepted: Option<U256>, root: &Fr, last: u64) -> Result<OnL1, ClientError> {
    let Some(accepted) = accepted else { return Ok(OnL1::NotYet { last }) };
    match from_word::<Fr>(&accepted.to_be_bytes()) {
        Ok(found) if found == *root => Ok(OnL1::Accepted),
        _ => Err(ClientError::L1Root { what, shown: to_hex_word(root), accepted: format!("0x{accepted:064x}") }),
    }
}

/// The contract's event with this number as its first topic, from the newest block back.
async fn find(l1: &L1, signature: B256, number: u64) -> Result<Option<alloy::rpc::types::Log>, ClientError> {
    let mut last = l1.provider().get_block_number().await.map_err(L1Error::from)?;
    loop {
        let first = last.saturating_sub(PAGE - 1);
        let filter = Filter::new().address(l1.contract()).event_signature(signature).topic1(U256::from(number));
        let logs = l1.provider().get_logs(&filter.from_block(first).to_block(last)).await.map_err(L1Error::from)?;
        if let Some(log) = logs.into_iter().next_back() {
            return Ok(Some(log));
        }
        if first == 0 {
            return Ok(None);
        }
        last = first - 1;
    }
}
