//! From arguments to an open account: wallet, venue, pin, journal, time, L1.

use super::args::{L1Args, Trade};
use crate::client::l1::{self, Payer};
use crate::client::pin::{journal_path, pin_path, Pin};
use crate::client::wallet::parse_hex;
use crate::client::{ClientError, Http, Journal, Rest, Retry, Trader, Wallet};
use crate::wire::VenueView;
use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{bail, Context};
use novation_state::units::{AccountSlot, Time};
use novation_verifier::l1::L1;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// Seconds by which this machine's clock and the venue's may differ.
const CLOCK_TOLERANCE: i64 = 60;

/// The venue, reached.
pub struct Session {
    /// Its public side.
    pub rest: Rest,
    /// What it says of itself.
    pub venue: VenueView,
    /// Seconds to add to this machine's clock: 0 unless the venue's clock was asked for.
    ahead: i64,
}

impl Session {
    /// Reaches the venue and agrees on the time.
    pub async fn open(args: &Trade) -> anyhow::Result<Session> {
        let rest = Rest::new(Http::new(&args.url, Retry::default())?);
        let venue = rest.venue().await?;
        let ahead = venue.time - unix_now()?;
        // Only orders and credentials have times: a wrong clock makes orders live longer or shorter than was meant.
        if !args.venue_clock && ahead.abs() > CLOCK_TOLERANCE {
            bail!(
                "the venue's clock is {ahead} s off this machine's: set this clock right, or pass --venue-clock if the \
                 venue's is simulated"
            );
        }
        let ahead = if args.venue_clock { ahead } else { 0 };
        Ok(Session { rest, venue, ahead })
    }

    /// The time.
    pub fn now(&self) -> anyhow::Result<Time> {
        Ok(Time::new(unix_now()? + self.ahead)?)
    }

    /// The wallet with its pin, which is made at the first meeting.
    pub fn wallet(&self, args: &Trade) -> anyhow::Result<(Wallet, Pin, PathBuf)> {
        let path = wallet_path(args);
        let wallet = Wallet::open(&path)?;
        let pinned = pin_path(&path);
        let pin = match Pin::load(&pinned)? {
            Some(pin) => pin,
            None => {
                let pin = Pin::new(&self.venue);
                pin.save(&pinned)?;
                pin
            }
        };
        pin.check(&self.venue, &pinned)?;
        Ok((wallet, pin, pinned))
    }

    /// The wallet's account.
    pub async fn trader(&self, args: &Trade) -> anyhow::Result<Trader> {
        let (wallet, mut pin, pinned) = self.wallet(args)?;
        let account = match pin.account {
            Some(account) => account,
            None => {
                let account = self.find_account(&wallet).await?;
                pin.account = Some(account);
                pin.save(&pinned)?;
                account
            }
        };
        let journal = Journal::open(&journal_path(&wallet_path(args), account), &pin.deployment.0, account)?;
        let mut trader = Trader::new(self.rest.clone(), self.venue.clone(), wallet, journal, account);
        trader.settle_rotation().await?;
        Ok(trader)
    }

    async fn find_account(&self, wallet: &Wallet) -> Result<AccountSlot, ClientError> {
        self.rest.account_of(&wallet.owner(), &wallet.viewing().public()).await?.ok_or(ClientError::NoAccount)
    }

    /// The L1 of the arguments, and who pays there.
    pub async fn l1(&self, args: &L1Args) -> anyhow::Result<(L1, Address)> {
        let payer = payer(args)?;
        let url = args.url.as_ref().or(self.venue.l1_url.as_ref());
        let url = url.context("the venue has no L1 of its own: name one with --l1 URL")?;
        let (l1, payer) = l1::connect(url, &self.venue, payer).await?;
        Ok((l1, payer.context("nobody pays on L1")?))
    }

    /// An L1 to read.
    pub async fn l1_to_read(&self, url: &str) -> anyhow::Result<L1> {
        Ok(l1::connect(url, &self.venue, Payer::Nobody).await?.0)
    }
}

/// Where the wallet is: as asked for, else in the user's configuration folder.
pub fn wallet_path(args: &Trade) -> PathBuf {
    const BELOW: &str = "novation/wallet";
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match (&args.wallet, variable("XDG_CONFIG_HOME"), variable("HOME")) {
        (Some(path), _, _) => path.clone(),
        (None, Some(folder), _) => folder.join(BELOW),
        (None, None, Some(home)) => home.join(".config").join(BELOW),
        _ => Path::new("novation.wallet").to_owned(),
    }
}

fn payer(args: &L1Args) -> anyhow::Result<Payer> {
    if let Some(number) = args.dev {
        return Ok(Payer::Development(number.into()));
    }
    let text = match &args.l1_key {
        Some(path) => Some(Zeroizing::new(
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
        )),
        None => std::env::var("NOVATION_L1_KEY").ok().map(Zeroizing::new),
    };
    let text =
        text.context("who pays on L1? --l1-key FILE, the variable NOVATION_L1_KEY, or --dev N on a development L1")?;
    let bytes = parse_hex(text.trim()).context("the L1 key is not 0x and 64 hexadecimal digits")?;
    let signer = PrivateKeySigner::from_slice(&*bytes).ok().context("the L1 key is out of range")?;
    Ok(Payer::Key(Box::new(signer)))
}

fn unix_now() -> anyhow::Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("this machine's clock is before 1970")?;
    Ok(i64::try_from(since.as_secs())?)
}
