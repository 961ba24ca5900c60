//! What is traded, by the names that traders know: `BTC-27MAR26`, `BTC-PERP`, `BTC-27MAR26-100000-C`.

use crate::calendar::{CalendarError, Date};
use novation_state::leaf::{Kind, MarketLeaf, NEVER};
use novation_state::units::{OutOfRange, Strike, TickValue, Ticks, Time};
use std::fmt;
use std::str::FromStr;

/// Micro-units of the collateral token in one dollar.
pub const MICRO: i64 = 1_000_000;

/// An underlying with its grid of prices and quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asset {
    /// Bitcoin: ticks of 0.1 USD, lots of 0.001 BTC.
    Btc,
    /// Ether: ticks of 0.01 USD, lots of 0.01 ETH.
    Eth,
}

impl Asset {
    /// Every asset, in the order of their underlying numbers.
    pub const ALL: [Asset; 2] = [Asset::Btc, Asset::Eth];

    /// The ticker.
    pub fn ticker(self) -> &'static str {
        match self {
            Asset::Btc => "BTC",
            Asset::Eth => "ETH",
        }
    }

    /// The number in market leaves.
    pub fn underlying(self) -> u8 {
        match self {
            Asset::Btc => 0,
            Asset::Eth => 1,
        }
    }

    /// A tick of the price of one coin, in micro-units.
    pub fn tick_micro(self) -> i64 {
        match self {
            Asset::Btc => MICRO / 10,
            Asset::Eth => MICRO / 100,
        }
    }

    /// Lots that make one coin.
    pub fn lots_per_coin(self) -> i64 {
        match self {
            Asset::Btc => 1_000,
            Asset::Eth => 100,
        }
    }

    /// Micro-units per tick per lot: a tick's worth of one coin, split evenly over its lots.
    pub fn tick_value(self) -> TickValue {
        debug_assert_eq!(self.tick_micro() % self.lots_per_coin(), 0);
        TickValue::new(self.tick_micro() / self.lots_per_coin()).expect("100 micro-units for both assets")
    }

    /// A tick in dollars.
    pub fn tick_usd(self) -> f64 {
        self.tick_micro() as f64 / MICRO as f64
    }

    /// The nearest price on the grid.
    ///
    /// # Errors
    /// [`OutOfRange`] for a price that is negative, not a number, or past 2^32 ticks.
    pub fn ticks(self, usd: f64) -> Result<Ticks, OutOfRange> {
        let ticks = (usd / self.tick_usd()).round();
        // `as` saturates, so that what does not fit an i64 is refused here, as is a NaN (which becomes 0).
        let whole = if ticks.is_nan() { -1 } else { ticks as i64 };
        Ticks::new(whole)
    }

    /// A price in dollars.
    pub fn usd(self, ticks: Ticks) -> f64 {
        ticks.get() as f64 * self.tick_usd()
    }

    /// A price in dollars, with as many decimals as a tick has.
    pub fn show(self, ticks: Ticks) -> String {
        match self {
            Asset::Btc => format!("{:.1}", self.usd(ticks)),
            Asset::Eth => format!("{:.2}", self.usd(ticks)),
        }
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ticker())
    }
}

impl FromStr for Asset {
    type Err = TermsError;

    fn from_str(text: &str) -> Result<Asset, TermsError> {
        Asset::ALL.into_iter().find(|a| a.ticker() == text).ok_or_else(|| TermsError::Asset(text.to_owned()))
    }
}

/// Call or put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

/// What kind of contract, with what only that kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contract {
    /// A perpetual.
    Perpetual,
    /// A dated future.
    Future {
        /// When it expires, at 08:00 UTC.
        expiry: Date,
    },
    /// A European option on the future of its date.
    Option {
        /// When it expires, at 08:00 UTC.
        expiry: Date,
        /// Strike in ticks of the underlying.
        strike: Strike,
        /// Call or put.
        right: Right,
    },
}

/// An instrument's terms; they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Terms {
    /// The underlying.
    pub asset: Asset,
    /// The contract.
    pub contract: Contract,
}

/// Why a text names no instrument.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TermsError {
    /// No such underlying.
    #[error("`{0}` is not an underlying: BTC or ETH")]
    Asset(String),
    /// The parts do not add up.
    #[error("`{0}` is not an instrument like BTC-PERP, BTC-27MAR26 or BTC-27MAR26-100000-C")]
    Shape(String),
    /// The date is wrong.
    #[error(transparent)]
    Date(#[from] CalendarError),
    /// A strike lies on the underlying's grid.
    #[error("strike {strike} of {asset} is not a positive multiple of {tick} USD")]
    Strike {
        /// The underlying.
        asset: Asset,
        /// The refused text.
        strike: String,
        /// Size of a tick in dollars.
        tick: f64,
    },
}

impl Terms {
    /// The terms that a market leaf says, `None` where it names what is not traded here.
    pub fn of(leaf: &MarketLeaf) -> Option<Terms> {
        let asset = Asset::ALL.into_iter().find(|asset| asset.underlying() == leaf.underlying)?;
        let expiry = || Date::of_seconds(leaf.expiry.get()).ok();
        let option = |right| Some(Contract::Option { expiry: expiry()?, strike: leaf.strike, right });
        let contract = match leaf.kind {
            Kind::Perpetual => Contract::Perpetual,
            Kind::Future => Contract::Future { expiry: expiry()? },
            Kind::Call => option(Right::Call)?,
            Kind::Put => option(Right::Put)?,
        };
        let terms = Terms { asset, contract };
        let same = terms.expiry() == leaf.expiry && terms.strike() == leaf.strike;
        (same && asset.tick_value() == leaf.tick_value).then_some(terms)
    }

    /// The kind in the market leaf.
    pub fn kind(&self) -> Kind {
        match self.contract {
            Contract::Perpetual => Kind::Perpetual,
            Contract::Future { .. } => Kind::Future,
            Contract::Option { right: Right::Call, .. } => Kind::Call,
            Contract::Option { right: Right::Put, .. } => Kind::Put,
        }
    }

    /// The date of expiry, `None` for perpetuals.
    pub fn date(&self) -> Option<Date> {
        match self.contract {
            Contract::Perpetual => None,
            Contract::Future { expiry } | Contract::Option { expiry, .. } => Some(expiry),
        }
    }

    /// When it expires.
    pub fn expiry(&self) -> Time {
        self.date().map_or(NEVER, |date| Time::new(date.expiry()).expect("a date before 2070"))
    }

    /// The strike, 0 where there is none.
    pub fn strike(&self) -> Strike {
        match self.contract {
            Contract::Option { strike, .. } => strike,
            Contract::Perpetual | Contract::Future { .. } => Strike::ZERO,
        }
    }

    /// Whether this is an option.
    pub fn is_option(&self) -> bool {
        matches!(self.contract, Contract::Option { .. })
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asset = self.asset;
        match self.contract {
            Contract::Perpetual => write!(f, "{asset}-PERP"),
            Contract::Future { expiry } => write!(f, "{asset}-{expiry}"),
            Contract::Option { expiry, strike, right } => {
                let usd = strike.get() as f64 * asset.tick_usd();
                let letter = if right == Right::Call { 'C' } else { 'P' };
                // Whole strikes are written without decimals, as everywhere.
                if strike.get() * asset.tick_micro() % MICRO == 0 {
                    write!(f, "{asset}-{expiry}-{usd:.0}-{letter}")
                } else {
                    write!(f, "{asset}-{expiry}-{usd:.2}-{letter}")
                }
            }
        }
    }
}

impl FromStr for Terms {
    type Err = TermsError;

    fn from_str(text: &str) -> Result<Terms, TermsError> {
        let parts: Vec<&str> = text.split('-').collect();
        let shape = || TermsError::Shape(text.to_owned());
        let asset: Asset = parts[0].parse()?;
        let contract = match parts[1..] {
            ["PERP"] => Contract::Perpetual,
            [date] => Contract::Future { expiry: date.parse()? },
            [date, strike, right] => Contract::Option {
                expiry: date.parse()?,
                strike: parse_strike(asset, strike)?,
                right: match right {
                    "C" => Right::Call,
                    "P" => Right::Put,
                    _ => return Err(shape()),
                },
            },
            _ => return Err(shape()),
        };
        Ok(Terms { asset, contract })
    }
}

fn parse_strike(asset: Asset, text: &str) -> Result<Strike, TermsError> {
    let refused = || TermsError::Strike { asset, strike: text.to_owned(), tick: asset.tick_usd() };
    let micro = parse_decimal(text, 6).ok_or_else(refused)?;
    if micro <= 0 || micro % asset.tick_micro() != 0 {
        return Err(refused());
    }
    Strike::new(micro / asset.tick_micro()).map_err(|_| refused())
}

/// A nonnegative decimal number times `10^places`, exactly. `None` for anything else, more than `places` decimals included.
pub fn parse_decimal(text: &str, places: usize) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || text.ends_with('.') {
        return None;
    }
    let significant = fraction.trim_end_matches('0');
    if significant.len() > places {
        return None;
    }
    let scale = 10i64.checked_pow(u32::try_from(places).ok()?)?;
    let fraction: i64 = if places == 0 { 0 } else { format!("{significant:0<places$}").parse().ok()? };
    whole.parse::<i64>().ok()?.checked_mul(scale)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["BTC-PERP", "ETH-27MAR26", "BTC-6FEB26-100000-C", "ETH-27MAR26-2950-P", "ETH-27MAR26-2950.50-P"] {
            assert_eq!(name.parse::<Terms>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn option_terms_are_those_of_the_leaf() {
        let terms: Terms = "BTC-27MAR26-100000-C".parse().unwrap();
        assert_eq!((terms.kind(), terms.strike().get()), (Kind::Call, 1_000_000));
        assert_eq!(terms.expiry().get(), 1_774_598_400);
        let perp: Terms = "ETH-PERP".parse().unwrap();
        assert_eq!((perp.kind(), perp.strike(), perp.expiry()), (Kind::Perpetual, Strike::ZERO, NEVER));
    }

    #[test]
    fn names_of_nothing_are_refused_with_the_part_that_is_wrong() {
        let parse = |text: &str| text.parse::<Terms>();
        assert_eq!(parse("SOL-PERP"), Err(TermsError::Asset("SOL".into())));
        assert_eq!(parse("BTC"), Err(TermsError::Shape("BTC".into())));
        assert_eq!(parse("BTC-27MAR26-100000"), Err(TermsError::Shape("BTC-27MAR26-100000".into())));
        assert_eq!(parse("BTC-27MAR26-100000-X"), Err(TermsError::Shape("BTC-27MAR26-100000-X".into())));
        assert_eq!(parse("BTC-27MAX26"), Err(TermsError::Date(CalendarError::Name("27MAX26".into()))));
        for strike in ["0", "100.05", "1e5", "+5", ""] {
            let refused = TermsError::Strike { asset: Asset::Btc, strike: strike.into(), tick: 0.1 };
            assert_eq!(parse(&format!("BTC-27MAR26-{strike}-C")), Err(refused));
        }
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(parse_decimal("236.47", 2), Some(23_647));
        assert_eq!(parse_decimal("236.4700", 2), Some(23_647));
        assert_eq!(parse_decimal("12", 0), Some(12));
        for text in ["236.471", "", ".5", "5.", "-1", "1e3", "9223372036854775807"] {
            assert_eq!(parse_decimal(text, 2), None, "{text}");
        }
    }

    #[test]
    fn prices_off_the_range_are_refused() {
        assert_eq!(Asset::Btc.ticks(88_530.24).unwrap().get(), 885_302);
        assert_eq!(Asset::Btc.show(Asset::Btc.ticks(88_530.24).unwrap()), "88530.2");
        assert_eq!(Asset::Btc.ticks(-0.2), Err(OutOfRange { unit: "Ticks", value: -2 }));
        assert_eq!(Asset::Btc.ticks(f64::NAN), Err(OutOfRange { unit: "Ticks", value: -1 }));
        assert_eq!(Asset::Btc.ticks(f64::INFINITY), Err(OutOfRange { unit: "Ticks", value: i64::MAX.into() }));
    }
}
