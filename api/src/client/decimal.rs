//! Decimal numbers as people write them, exactly: a price of 88530.2 dollars is 885302 ticks of 0.1, and 88530.25 is refused
//! instead of rounded. No floating point.

use crate::instrument::{Asset, MICRO};
use novation_state::units::{Fee, Lots, OutOfRange, Ticks, PRICE_BITS};

/// Decimals of a micro-unit.
const MICRO_PLACES: usize = 6;

/// Why a text is not the number that was asked for. Nothing is rounded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Digits, and one point with digits on both sides.
    #[error("{what} `{text}` is not a plain decimal number like 12 or 12.5 of at most {places} decimals")]
    Shape {
        /// What it was meant for.
        what: &'static str,
        /// The refused text.
        text: String,
        /// Most decimals.
        places: usize,
    },
    /// Between two places of the grid.
    #[error("{what} {text} is not a multiple of {step}")]
    Grid {
        /// What it was meant for.
        what: &'static str,
        /// The refused text.
        text: String,
        /// The grid's step.
        step: String,
    },
    /// On the grid and too large, or zero where nothing happens at zero.
    #[error("{what} {text} is out of range: from {least} to {most}")]
    Range {
        /// What it was meant for.
        what: &'static str,
        /// The refused text.
        text: String,
        /// Least value.
        least: String,
        /// Greatest value.
        most: String,
    },
}

/// A price in dollars a coin, as ticks of the asset's grid: 0 to 2^32 - 1 ticks.
///
/// # Errors
/// [`DecimalError`].
pub fn price(asset: Asset, text: &str) -> Result<Ticks, DecimalError> {
    let ticks = steps("price", text, i128::from(asset.tick_micro()))?;
    Ticks::try_from(ticks).map_err(|_| range("price", text, 0, Ticks::MAX.wide(), i128::from(asset.tick_micro())))
}

/// A peg's offset in dollars, signed, as ticks: below 2^32 in magnitude.
///
/// # Errors
/// [`DecimalError`].
pub fn offset(asset: Asset, text: &str) -> Result<i64, DecimalError> {
    let (sign, plain) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let step = i128::from(asset.tick_micro());
    let most = (1i128 << PRICE_BITS) - 1;
    let ticks = steps("peg", plain, step)?;
    match i64::try_from(ticks) {
        Ok(ticks) if i128::from(ticks) <= most => Ok(sign * ticks),
        _ => Err(range("peg", text, -most, most, step)),
    }
}

/// A quantity in coins, as lots of the asset: 1 to 2^40 - 1 lots.
///
/// # Errors
/// [`DecimalError`].
pub fn coins(asset: Asset, text: &str) -> Result<Lots, DecimalError> {
    let step = i128::from(MICRO / asset.lots_per_coin());
    let lots = steps("quantity", text, step)?;
    let refused = || range("quantity", text, 1, Lots::MAX.wide(), step);
    Lots::try_from(lots).ok().filter(|lots| *lots > Lots::ZERO).ok_or_else(refused)
}

/// An amount of dollars in micro-units: more than 0, less than 2^96.
///
/// # Errors
/// [`DecimalError`].
pub fn amount(text: &str) -> Result<i128, DecimalError> {
    let most = novation_state::units::Amount::MAX.wide();
    let micro = steps("amount", text, 1)?;
    if micro < 1 || micro > most {
        return Err(range("amount", text, 1, most, 1));
    }
    Ok(micro)
}

/// A fee in dollars a lot, in micro-units: 0 to 2^32 - 1.
///
/// # Errors
/// [`DecimalError`].
pub fn fee(text: &str) -> Result<Fee, DecimalError> {
    let micro = steps("fee", text, 1)?;
    Fee::try_from(micro).map_err(|OutOfRange { .. }| range("fee", text, 0, Fee::MAX.wide(), 1))
}

/// Micro-units in dollars, exactly: at least two decimals, more only where they are not zero.
pub fn dollars(micro: i128) -> String {
    let text = show(micro.unsigned_abs(), 2);
    if micro < 0 {
        format!("-{text}")
    } else {
        text
    }
}

/// Lots in coins, exactly.
pub fn in_coins(asset: Asset, lots: i64) -> String {
    let micro = u128::from(lots.unsigned_abs()) * u128::from((MICRO / asset.lots_per_coin()).unsigned_abs());
    format!("{}{}", if lots < 0 { "-" } else { "" }, show(micro, 0))
}

/// Ticks in dollars, with as many decimals as the asset's grid has.
pub fn in_dollars(asset: Asset, ticks: i64) -> String {
    let places = match asset {
        Asset::Btc => 1,
        Asset::Eth => 2,
    };
    let micro = u128::from(ticks.unsigned_abs()) * u128::from(asset.tick_micro().unsigned_abs());
    format!("{}{}", if ticks < 0 { "-" } else { "" }, show(micro, places))
}

/// A number of micro-units with at least so many decimals.
fn show(micro: u128, places: usize) -> String {
    let scale = u128::from(MICRO.unsigned_abs());
    let fraction = format!("{:06}", micro % scale);
    let significant = fraction.trim_end_matches('0').len().max(places);
    match &fraction[..significant] {
        "" => format!("{}", micro / scale),
        fraction => format!("{}.{fraction}", micro / scale),
    }
}

/// A nonnegative number of dollars or coins, in steps of so many millionths.
fn steps(what: &'static str, text: &str, step: i128) -> Result<i128, DecimalError> {
    let shape = || DecimalError::Shape { what, text: text.to_owned(), places: MICRO_PLACES };
    let micro = millionths(text).ok_or_else(shape)?;
    if micro % step != 0 {
        let step = show(step.unsigned_abs(), 0);
        return Err(DecimalError::Grid { what, text: text.to_owned(), step });
    }
    Ok(micro / step)
}

/// Digits with at most one point between them, times 10^6. `None` for anything else, and for what does not fit.
fn millionths(text: &str) -> Option<i128> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    let significant = fraction.unwrap_or("").trim_end_matches('0');
    if significant.len() > MICRO_PLACES {
        return None;
    }
    let fraction: i128 = format!("{significant:0<MICRO_PLACES$}").parse().ok()?;
    whole.parse::<i128>().ok()?.checked_mul(i128::from(MICRO))?.checked_add(fraction)
}

fn range(what: &'static str, text: &str, least: i128, most: i128, step: i128) -> DecimalError {
    let show = |steps: i128| {
        let text = show((steps * step).unsigned_abs(), 0);
        if steps < 0 {
            format!("-{text}")
        } else {
            text
        }
    };
    DecimalError::Range { what, text: text.to_owned(), least: show(least), most: show(most) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    /// Every spelling of `steps * step` millionths that means the number, and one that lies beside the grid.
    fn spellings(rng: &mut ChaCha20Rng, steps: u128, step: u128) -> Vec<String> {
        let micro = steps * step;
        let (whole, fraction) = (micro / 1_000_000, format!("{:06}", micro % 1_000_000));
        let short = fraction.trim_end_matches('0');
        let zeros = "0".repeat(rng.gen_range(0..5));
        let mut all = vec![
            format!("{whole}.{fraction}"),
            format!("{whole}.{fraction}{zeros}"),
            format!("{zeros}{whole}.{fraction}"),
        ];
        all.push(if short.is_empty() { whole.to_string() } else { format!("{whole}.{short}") });
        all
    }

    #[test]
    fn numbers_on_the_grid_are_read_exactly_however_they_are_spelt() {
        let seed = 20_261_122;
        println!("seed {seed}");
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        for asset in Asset::ALL {
            let tick = u128::from(asset.tick_micro().unsigned_abs());
            let lot = u128::from((MICRO / asset.lots_per_coin()).unsigned_abs());
            for round in 0..2_000 {
                // Small numbers and numbers of every size.
                let bits = rng.gen_range(1..=32);
                let ticks: i64 = if round == 0 { Ticks::MAX.get() } else { rng.gen_range(0..1i64 << bits) };
                let lots: i64 = if round == 0 { Lots::MAX.get() } else { rng.gen_range(1..1i64 << (bits + 8)) };
                for text in spellings(&mut rng, ticks as u128, tick) {
                    assert_eq!(price(asset, &text), Ok(Ticks::new(ticks).unwrap()), "{text}");
                    assert_eq!(offset(asset, &format!("-{text}")), Ok(-ticks), "{text}");
                    assert_eq!(offset(asset, &format!("+{text}")), Ok(ticks), "{text}");
                }
                for text in spellings(&mut rng, lots as u128, lot) {
                    assert_eq!(coins(asset, &text), Ok(Lots::new(lots).unwrap()), "{text}");
                }
                // What is shown is read back.
                assert_eq!(price(asset, &in_dollars(asset, ticks)), Ok(Ticks::new(ticks).unwrap()));
                assert_eq!(coins(asset, &in_coins(asset, lots)), Ok(Lots::new(lots).unwrap()));
            }
        }
    }

    #[test]
    fn numbers_beside_the_grid_are_refused_and_never_rounded() {
        let seed = 7;
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        for asset in Asset::ALL {
            let tick = asset.tick_micro();
            for _ in 0..2_000 {
                let micro = rng.gen_range(0..1i64 << 40) * tick + rng.gen_range(1..tick);
                let text = format!("{}.{:06}", micro / MICRO, micro % MICRO);
                let step = in_dollars(asset, 1);
                let refused = DecimalError::Grid { what: "price", text: text.clone(), step };
                assert_eq!(price(asset, &text), Err(refused), "seed {seed}");
            }
        }
    }

    #[test]
    fn texts_that_are_no_decimals_are_refused() {
        for text in [
            "",
            ".",
            ".5",
            "5.",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1e3",
            "0x10",
            "1_000",
            "1,5",
            "1.2.3",
            "NaN",
            "١",
            "1.0000001",
            &"9".repeat(40),
        ] {
            let shape = |what| DecimalError::Shape { what, text: text.to_owned(), places: 6 };
            assert_eq!(price(Asset::Btc, text), Err(shape("price")), "{text}");
            assert_eq!(coins(Asset::Eth, text), Err(shape("quantity")), "{text}");
            assert_eq!(amount(text), Err(shape("amount")), "{text}");
            assert_eq!(fee(text), Err(shape("fee")), "{text}");
        }
        assert_eq!(offset(Asset::Btc, "--1"), Err(DecimalError::Shape { what: "peg", text: "-1".into(), places: 6 }));
    }

    #[test]
    fn ranges_are_named_in_the_units_of_the_input() {
        let refused = |what, text: &str, least: &str, most: &str| {
            Err(DecimalError::Range { what, text: text.into(), least: least.into(), most: most.into() })
        };
        assert_eq!(price(Asset::Btc, "429496729.6").map(|_| ()), refused("price", "429496729.6", "0", "429496729.5"));
        assert_eq!(coins(Asset::Eth, "0").map(|_| ()), refused("quantity", "0", "0.01", "10995116277.75"));
        assert_eq!(
            offset(Asset::Eth, "-42949672.96").map(|_| ()),
            refused("peg", "-42949672.96", "-42949672.95", "42949672.95")
        );
        assert_eq!(amount("0").map(|_| ()), refused("amount", "0", "0.000001", "79228162514264337593543.950335"));
        assert_eq!(fee("4294.967296").map(|_| ()), refused("fee", "4294.967296", "0", "4294.967295"));
        assert_eq!(amount("79228162514264337593543.950335"), Ok((1 << 96) - 1));
    }

    #[test]
    fn micro_units_are_shown_in_dollars_without_losing_any() {
        for (micro, text) in
            [(0, "0.00"), (1, "0.000001"), (-1_500_000, "-1.50"), (123_456_789, "123.456789"), (-10, "-0.00001")]
        {
            assert_eq!(dollars(micro), text);
        }
        assert_eq!(in_coins(Asset::Btc, -77), "-0.077");
        assert_eq!(in_coins(Asset::Eth, 100), "1");
    }
}
