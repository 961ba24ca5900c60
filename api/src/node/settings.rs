//! What an operator sets: a TOML file, and environment variables for what differs between machines or is secret.
//!
//! Every setting has a default with which `novation node` runs on an empty machine. `novation node --print-config` writes them all.

use alloy::primitives::Address;
use novation_prover::worker::{InFlight, InFlightError};
use novation_state::size::Size;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Folder of secrets, log, witnesses and the embedded L1. `NOVATION_DATA`.
    pub data: PathBuf,
    /// Circuit size of every batch: tiny, demo, large.
    pub size: String,
    /// Where traders, people and prover workers are served. `NOVATION_LISTEN`.
    pub listen: SocketAddr,
    /// Where Prometheus is served: a private address. `NOVATION_METRICS`.
    pub metrics: SocketAddr,
    /// `sqlite:FILE` or `postgres://USER@HOST/DATABASE`; empty for `log.sqlite` in the data folder. `DATABASE_URL`.
    pub database: String,
    /// What clients get, and how much of it.
    pub api: ApiSettings,
    /// L1.
    pub l1: L1Settings,
    /// When windows end, batches are made, and marks are posted.
    pub cadence: Cadence,
    /// Proving.
    pub prover: ProverSettings,
    /// Where quotes come from.
    pub quotes: Quotes,
}

/// What clients get, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSettings {
    /// What is published of auctions.
    pub publish: Publish,
    /// Requests a second of one address; twice as many at once.
    pub address_rate: u32,
    /// Messages and signed reads a second of one account; twice as many at once.
    pub account_rate: u32,
    /// WebSockets at a time.
    pub websockets: usize,
    /// Whether a proxy in front says in `X-Forwarded-For` where a request came from.
    pub behind_proxy: bool,
}

/// What is published of auctions, with their batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Publish {
    /// Prices and lots.
    PricesAndLots,
    /// Prices.
    Prices,
    /// Nothing: everybody reads the own fills.
    Nothing,
}

/// L1: embedded in this process unless there is a URL.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct L1Settings {
    /// JSON-RPC of a node, over http or https; empty for the embedded chain. `NOVATION_L1_URL`.
    pub url: String,
    /// The Novation contract there. `NOVATION_L1_CONTRACT`.
    pub contract: Option<Address>,
    /// Block of its deployment.
    pub from_block: u64,
    /// Port on loopback of the embedded chain; 0 for any free one.
    pub port: u16,
    /// Seconds between blocks of the embedded chain, at least 1.
    pub block_seconds: u64,
    /// Blocks after which a block of the embedded chain is final.
    pub finalized_depth: u64,
}

/// When things happen. Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cadence {
    /// An auction window.
    pub window_seconds: u64,
    /// From a batch to the next, if there is anything to prove; a batch that is full is made at once.
    pub batch_seconds: u64,
    /// From a round of marks to the next.
    pub round_seconds: u64,
    /// Batches that may wait for their proofs; at the bound windows wait.
    pub max_unproven: u64,
}

/// Proving.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProverSettings {
    /// Whether this process proves too; `novation prover` does so from other machines in any case.
    pub local: bool,
    /// What computes: auto, cpu, cpu:M (keeps M multiples of key points), cuda, cuda:N (card N), dual, dual:cuda, reference.
    pub backend: String,
    /// Batches that this process proves at a time, 1 to 16; each takes memory of its own beside the key
    /// (`novation bench --batch SIZE` prints the peak with one). `NOVATION_IN_FLIGHT`.
    pub in_flight: u64,
    /// Seconds for which a worker holds a job without a sign of life.
    pub lease_seconds: u64,
}

/// Where quotes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quotes {
    /// A made-up market that wanders: to develop, demonstrate and measure on. Not for money.
    Simulated,
    /// No rounds of its own: whoever embeds the node posts them.
    None,
}

/// Folder of everything that is not said otherwise.
const DATA: &str = ".cache/novation/node";

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            data: DATA.into(),
            size: "demo".into(),
            listen: ([127, 0, 0, 1], 8080).into(),
            metrics: ([127, 0, 0, 1], 9464).into(),
            database: String::new(),
            api: ApiSettings::default(),
            l1: L1Settings::default(),
            cadence: Cadence::default(),
            prover: ProverSettings::default(),
            quotes: Quotes::Simulated,
        }
    }
}

impl Default for ApiSettings {
    fn default() -> ApiSettings {
        ApiSettings {
            publish: Publish::PricesAndLots,
            address_rate: 200,
            account_rate: 100,
            websockets: 256,
            behind_proxy: false,
        }
    }
}

impl Default for L1Settings {
    fn default() -> L1Settings {
        L1Settings {
            url: String::new(),
            contract: None,
            from_block: 0,
            port: 8545,
            block_seconds: 2,
            finalized_depth: 8,
        }
    }
}

impl Default for Cadence {
    /// A demo batch takes two cores about ten seconds.
    fn default() -> Cadence {
        Cadence { window_seconds: 2, batch_seconds: 20, round_seconds: 60, max_unproven: 4 }
    }
}

impl Default for ProverSettings {
    fn default() -> ProverSettings {
        ProverSettings { local: true, backend: "auto".into(), in_flight: 1, lease_seconds: 60 }
    }
}

/// Why settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file.
    #[error("{file}: {reason}")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Its text. The message names line, key and rule.
    #[error("{file}: {reason}")]
    Parse {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: Box<toml::de::Error>,
    },
    /// A value.
    #[error("{key} = `{value}`: {rule}")]
    Value {
        /// The setting, or the variable.
        key: &'static str,
        /// What it says.
        value: String,
        /// What it must be.
        rule: String,
    },
}

impl L1Settings {
    /// The contract on an L1 by URL.
    ///
    /// # Errors
    /// [`SettingsError::Value`] when none is named.
    pub fn novation(&self) -> Result<Address, SettingsError> {
        self.contract.ok_or_else(|| SettingsError::Value {
            key: "l1.contract",
            value: String::new(),
            rule: "needed with l1.url: the address of the Novation contract; `novation deploy` makes a new one".into(),
        })
    }
}

impl Settings {
    /// The defaults, what a file says, and over that what the environment says.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn load(
        file: Option<&Path>,
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Settings, SettingsError> {
        let mut settings = match file {
            None => Settings::default(),
            Some(file) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|reason| SettingsError::Read { file: file.into(), reason })?;
                toml::from_str(&text).map_err(|e| SettingsError::Parse { file: file.into(), reason: e.into() })?
            }
        };
        let set = |name| variable(name).filter(|value| !value.is_empty());
        if let Some(data) = set("NOVATION_DATA") {
            settings.data = data.into();
        }
        if let Some(url) = set("DATABASE_URL") {
            settings.database = url;
        }
        if let Some(url) = set("NOVATION_L1_URL") {
            settings.l1.url = url;
        }
        if let Some(contract) = set("NOVATION_L1_CONTRACT") {
            settings.l1.contract = Some(parse("NOVATION_L1_CONTRACT", &contract, "a 20-byte address in hexadecimal")?);
        }
        for (name, place) in [("NOVATION_LISTEN", &mut settings.listen), ("NOVATION_METRICS", &mut settings.metrics)] {
            if let Some(address) = set(name) {
                *place = parse(name, &address, "an address with a port, like 127.0.0.1:8080")?;
            }
        }
        if let Some(number) = set("NOVATION_IN_FLIGHT") {
            let parsed: InFlight = parse("NOVATION_IN_FLIGHT", &number, &InFlightError.to_string())?;
            settings.prover.in_flight = parsed.get() as u64;
        }
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let value = |key, value: String, rule: &str| Err(SettingsError::Value { key, value, rule: rule.to_owned() });
        self.circuit()?;
        self.in_flight()?;
        let Cadence { window_seconds, batch_seconds, round_seconds, max_unproven } = self.cadence;
        let positive = [
            ("cadence.window_seconds", window_seconds),
            ("cadence.batch_seconds", batch_seconds),
            ("cadence.round_seconds", round_seconds),
            ("cadence.max_unproven", max_unproven),
            ("l1.block_seconds", self.l1.block_seconds),
            ("prover.lease_seconds", self.prover.lease_seconds),
            ("api.address_rate", self.api.address_rate.into()),
            ("api.account_rate", self.api.account_rate.into()),
        ];
        if let Some((key, zero)) = positive.into_iter().find(|(_, n)| *n == 0) {
            return value(key, zero.to_string(), "at least 1");
        }
        // A mark may be traded on for fifteen minutes (section 5 of the protocol).
        if round_seconds > 600 {
            return value("cadence.round_seconds", round_seconds.to_string(), "at most 600, or marks grow too old");
        }
        Ok(())
    }

    /// The circuit size.
    ///
    /// # Errors
    /// [`SettingsError::Value`] for a name that no circuit has.
    pub fn circuit(&self) -> Result<Size, SettingsError> {
        Size::by_name(&self.size).ok_or_else(|| SettingsError::Value {
            key: "size",
            value: self.size.clone(),
            rule: format!("one of {}", novation_state::size::ALL.map(|size| size.name).join(", ")),
        })
    }

    /// Batches that this process proves at a time.
    ///
    /// # Errors
    /// [`SettingsError::Value`] for a number outside its range.
    pub fn in_flight(&self) -> Result<InFlight, SettingsError> {
        let number = self.prover.in_flight;
        InFlight::try_from(number).map_err(|rule| SettingsError::Value {
            key: "prover.in_flight",
            value: number.to_string(),
            rule: rule.to_string(),
        })
    }

    /// The database's URL.
    pub fn database_url(&self) -> String {
        if self.database.is_empty() {
            format!("sqlite:{}", self.data.join("log.sqlite").display())
        } else {
            self.database.clone()
        }
    }
}

fn parse<T: std::str::FromStr>(key: &'static str, value: &str, rule: &str) -> Result<T, SettingsError> {
    let refused = |_| SettingsError::Value { key, value: value.to_owned(), rule: rule.to_owned() };
    value.parse().map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("novation.toml");
        std::fs::write(&file, text).unwrap();
        let find = |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Settings::load(Some(&file), find)
    }

    #[test]
    fn defaults_need_no_file_and_survive_being_written() {
        let settings = Settings::load(None, |_| None).unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(load(&toml::to_string(&settings).unwrap(), &[]).unwrap(), settings);
        assert_eq!(settings.database_url(), "sqlite:.cache/novation/node/log.sqlite");
    }

    #[test]
    fn the_environment_overrules_the_file() {
        let file = "data = \"/a\"\ndatabase = \"sqlite:x\"\n[cadence]\nwindow_seconds = 1\n";
        let settings = load(file, &[("DATABASE_URL", "postgres://h/d"), ("NOVATION_LISTEN", "0.0.0.0:1")]).unwrap();
        assert_eq!((settings.data.as_path(), settings.database_url()), (Path::new("/a"), "postgres://h/d".to_owned()));
        assert_eq!((settings.cadence.window_seconds, settings.listen.port()), (1, 1));
        let settings = load("[prover]\nin_flight = 2\n", &[("NOVATION_IN_FLIGHT", "3")]).unwrap();
        assert_eq!(settings.in_flight().unwrap().get(), 3);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name_and_rule() {
        let refused = |text: &str, variables: &[(&'static str, &str)]| load(text, variables).unwrap_err().to_string();
        assert_eq!(refused("size = \"huge\"", &[]), "size = `huge`: one of tiny, demo, large");
        assert_eq!(refused("[cadence]\nwindow_seconds = 0", &[]), "cadence.window_seconds = `0`: at least 1");
        let l1 = "l1.contract = ``: needed with l1.url: the address of the Novation contract; `novation deploy` makes a new one";
        assert_eq!(load("", &[("NOVATION_L1_URL", "http://h")]).unwrap().l1.novation().unwrap_err().to_string(), l1);
        let rule = "a whole number from 1 to 16";
        for number in [0, 17] {
            let said = refused(&format!("[prover]\nin_flight = {number}"), &[]);
            assert_eq!(said, format!("prover.in_flight = `{number}`: {rule}"));
        }
        assert_eq!(refused("", &[("NOVATION_IN_FLIGHT", "two")]), format!("NOVATION_IN_FLIGHT = `two`: {rule}"));
        let listen = "NOVATION_LISTEN = `here`: an address with a port, like 127.0.0.1:8080";
        assert_eq!(refused("", &[("NOVATION_LISTEN", "here")]), listen);
        assert!(refused("wndow = 1", &[]).contains("unknown field `wndow`"));
    }
}
