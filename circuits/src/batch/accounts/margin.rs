//! Margin of an entry: equity, loss per underlying, charges, and the rule an account ends on.
//!
//! Statement, for a touched entry, with "before" after deposits and roll:
//! `equity >= initial`, or every position only shrank, `equity >= 0`, `initial <= initial before` and
//! `equity * initial before >= equity before * initial`. A withdrawal needs the first at the mark and at the last daily
//! mark, and no position in an expired, unsettled instrument.
//!
//! The loss after is exact: at least every scenario's and equal to one of them or 0. Before, any chosen scenario serves: a
//! smaller one only hurts the prover; likewise the excess before counts only where the position is still in excess.
//!
//! Widths (16 slots, lots 2^40, per-lot values 2^57): a scenario sum is below 2^100, value sums below 2^101, charges below
//! 2^103, equity below 2^107, initial below 2^105.

use super::positions::Slot;
use crate::batch::markets::{Row, PACK};
use crate::cs::{Bit, Cs, Lc};
use crate::gadgets::bits;
use ark_bn254::Fr;
use ark_ff::{BigInteger, Field, PrimeField, Zero};
use novation_state::leaf::SCENARIOS;
use novation_state::size::Size;
use novation_state::units::pow2;

/// A scenario sum is below 2^100.
const SUM_BITS: usize = 100;
/// Charges are below 2^104.
const CHARGE_BITS: usize = 104;
/// Equity minus initial is below 2^108.
const EQUITY_BITS: usize = 108;
/// Product of equity and initial, twice.
const PRODUCT_BITS: usize = 216;

/// What an entry sums to.
pub struct Margin {
    /// Cash from settled positions.
    pub roll: Lc,
    value_before: Lc,
    value_after: Lc,
    daily_after: Lc,
    initial_before: Lc,
    initial_after: Lc,
}

/// `sum_r column_r * row_r`.
fn dot<'a>(cs: &mut Cs, name: &'static str, column: &[Lc], rows: impl Iterator<Item = &'a Lc>) -> Lc {
    let mut out = Lc::zero();
    for (x, y) in column.iter().zip(rows) {
        out += &cs.mul(name, x, y);
    }
    out
}

/// The value of every row's slot: `rows.len() * slots.len()` constraints.
fn scatter(cs: &mut Cs, name: &'static str, slots: &[Slot], rows: usize, value: impl Fn(&Slot) -> Lc) -> Vec<Lc> {
    let values: Vec<Lc> = slots.iter().map(value).collect();
    (0..rows)
        .map(|r| {
            let mut out = Lc::zero();
            for (slot, v) in slots.iter().zip(&values) {
                out += &cs.mul(name, slot.at[r].lc(), v);
            }
            out
        })
        .collect()
}

/// The low part of `x = low + 2^PACK * high` for signed parts: shift into the positive, cut, shift back.
fn low_part(x: Fr) -> Fr {
    // 2^(2 PACK) is a multiple of 2^PACK above any sum, so negative sums are cut like positive ones.
    let shifted = (x + pow2(PACK - 1) + pow2(2 * PACK)).into_bigint().to_bits_le();
    let cut = <Fr as PrimeField>::BigInt::from_bits_le(&shifted[..PACK]);
    Fr::from_bigint(cut).expect("below the modulus") - pow2(PACK - 1)
}

/// Splits `x = low + 2^PACK * high` for signed parts far below 2^(PACK - 1). The caller ranges both parts.
fn split(cs: &mut Cs, name: &'static str, x: &Lc) -> (Lc, Lc) {
    let value = x.value();
    let low = cs.alloc(name, || low_part(value));
    let high = (x - &low) * pow2(PACK).inverse().expect("a power of 2 is invertible");
    (low, high)
}

/// Indicator of at most one scenario, chosen by `best`: 17 constraints.
fn choose(cs: &mut Cs, name: &'static str, best: Option<usize>) -> Vec<Bit> {
    let chosen: Vec<Bit> = (0..SCENARIOS).map(|s| cs.bit(name, || best == Some(s))).collect();
    let total = Lc::sum(chosen.iter().map(Bit::lc));
    cs.enforce(name, &total, &(&total - &Lc::one()), &Lc::zero());
    chosen
}

/// The scenario with the greatest loss, if any loses: `values` are signed sums.
fn worst(values: &[Fr]) -> Option<usize> {
    let loss = |v: &Fr| if negative(*v) { (-*v).into_bigint() } else { Default::default() };
    let (at, most) = values.iter().map(loss).enumerate().max_by_key(|(_, l)| *l)?;
    (!most.is_zero()).then_some(at)
}

/// Sums over rows and scenarios.
pub fn margin(cs: &mut Cs, size: &Size, rows: &[Row], slots: &[Slot]) -> Margin {
    let n = rows.len();
    let before = scatter(cs, "margin.scatter_before", slots, n, |s| s.before.clone());
    let after = scatter(cs, "margin.scatter_after", slots, n, |s| s.after.clone());
    // Magnitudes are below 2^40 and charge sums below 2^57, so both halves of the packed sums stay below 2^104.
    let packed = |low: &Lc, high: &Lc| low + high * pow2(PACK);
    let magnitudes =
        scatter(cs, "margin.scatter_magnitude", slots, n, |s| packed(&s.after_magnitude, &s.before_magnitude));
    let excesses = scatter(cs, "margin.scatter_excess", slots, n, |s| packed(&s.after_excess, &s.before_excess));

    let roll = dot(cs, "margin.roll", &before, rows.iter().map(|r| &r.roll));
    let value_before = dot(cs, "margin.value_before", &before, rows.iter().map(|r| &r.value));
    let value_after = dot(cs, "margin.value_after", &after, rows.iter().map(|r| &r.value));
    let daily_after = dot(cs, "margin.daily_after", &after, rows.iter().map(|r| &r.daily_value));

    // Twice the gross charges: |q| (long + short) + q (long - short) + 2 excess.
    let gross = dot(cs, "margin.charges", &magnitudes, rows.iter().map(|r| &r.charge_sum));
    let excess = dot(cs, "margin.charges", &excesses, rows.iter().map(|r| &r.excess));
    let both = gross + excess * Fr::from(2u64);
    let (gross_after, gross_before) = split(cs, "margin.charges_split", &both.compact());
    bits::signed_range(cs, "margin.charges_split", &gross_after, CHARGE_BITS);
    bits::signed_range(cs, "margin.charges_split", &gross_before, CHARGE_BITS);
    let side_before = dot(cs, "margin.charges", &before, rows.iter().map(|r| &r.charge_difference));
    let side_after = dot(cs, "margin.charges", &after, rows.iter().map(|r| &r.charge_difference));
    let half = Fr::from(2u64).inverse().expect("2 is invertible");
    let mut initial_before = (gross_before + side_before) * half;
    let mut initial_after = (gross_after + side_after) * half;

    let shift_down = pow2(PACK).inverse().expect("a power of 2 is invertible");
    for pack in 0..size.underlyings.div_ceil(2) {
        let column = |cs: &mut Cs, lots: &[Lc], s: usize| {
            dot(cs, "margin.scenario", lots, rows.iter().map(|r| &r.risk[pack][s])).compact()
        };
        let sums_before: Vec<Lc> = (0..SCENARIOS).map(|s| column(cs, &before, s)).collect();
        let sums_after: Vec<Lc> = (0..SCENARIOS).map(|s| column(cs, &after, s)).collect();
        let in_pack = size.underlyings.min(2 * pack + 2) - 2 * pack;

        // After: loss_u >= -sum_u[s] for every s, and equal to one or 0.
        let parts: Vec<[Lc; 2]> = sums_after
            .iter()
            .map(|sum| {
                let (low, high) = if in_pack == 2 { split(cs, "margin.split", sum) } else { (sum.clone(), Lc::zero()) };
                [low, high]
            })
            .collect();
        for u in 0..in_pack {
            let values: Vec<Fr> = parts.iter().map(|p| p[u].value()).collect();
            let best = worst(&values);
            let loss = cs.alloc("margin.loss", || best.map_or(Fr::zero(), |s| -values[s]));
            // These ranges also pin both halves of every split: loss < 2^101 and loss + sum < 2^101, so |sum| < 2^101, and
            // 2^101 << 2^(PACK - 1).
            bits::range(cs, "margin.loss_at_least_zero", &loss, SUM_BITS + 1);
            for p in &parts {
                bits::range(cs, "margin.loss_at_least", &(&loss + &p[u]), SUM_BITS + 1);
            }
            let chosen = choose(cs, "margin.loss_choice", best);
            let mut reached = Lc::zero();
            for (bit, p) in chosen.iter().zip(&parts) {
                reached += &cs.mul("margin.loss_reached", bit.lc(), &p[u]);
            }
            cs.enforce_eq("margin.loss_reached", &loss, &-reached);
            initial_after += &loss;
        }

        // Before: the sum of one chosen scenario for each underlying.
        for u in 0..in_pack {
            let values: Vec<Fr> = sums_before
                .iter()
                .map(|s| match (in_pack, u) {
                    (2, 0) => low_part(s.value()),
                    (2, _) => (s.value() - low_part(s.value())) * shift_down,
                    _ => s.value(),
                })
                .collect();
            let best = worst(&values);
            let chosen = choose(cs, "margin.before_choice", best);
            let mut picked = Lc::zero();
            for (bit, sum) in chosen.iter().zip(&sums_before) {
                picked += &cs.mul("margin.before_picked", bit.lc(), sum);
            }
            let mine = if in_pack == 2 {
                let (low, high) = split(cs, "margin.before_split", &picked);
                bits::signed_range(cs, "margin.before_split", &low, SUM_BITS);
                bits::signed_range(cs, "margin.before_split", &high, SUM_BITS);
                if u == 0 {
                    low
                } else {
                    high
                }
            } else {
                picked
            };
            initial_before = initial_before - mine;
        }
    }
    Margin {
        roll,
        value_before,
        value_after,
        daily_after,
        initial_before: initial_before.compact(),
        initial_after: initial_after.compact(),
    }
}

/// The rule on which a touched entry ends. `cash_before` is after deposits and roll.
#[allow(clippy::too_many_arguments)]
pub fn rule(
    cs: &mut Cs,
    margin: &Margin,
    slots: &[Slot],
    touch: &Bit,
    withdraws: &Lc,
    cash_before: &Lc,
    cash_after: &Lc,
) {
    let zero = Lc::zero();
    let equity_before = (cash_before + &margin.value_before).compact();
    let equity = (cash_after + &margin.value_after).compact();
    let daily = (cash_after + &margin.daily_after).compact();
    let initial = &margin.initial_after;
    let initial_before = &margin.initial_before;

    let better = cs.bit("margin.better", || touch.value() && negative((&equity - initial).value()));
    for slot in slots {
        cs.enforce("margin.better_only_shrinks", better.lc(), slot.shrank.not().lc(), &zero);
    }
    let required = cs.mul("margin.rule", better.not().lc(), initial);
    let surplus = cs.mul("margin.rule", touch.lc(), &(&equity - &required));
    bits::range(cs, "margin.rule", &surplus, EQUITY_BITS);

    let less = cs.mul("margin.better_less_initial", better.lc(), &(initial_before - initial));
    bits::range(cs, "margin.better_less_initial", &less, EQUITY_BITS);
    // |equity| < 2^108 and |initial| < 2^107: products below 2^215, no wrap.
    let now = cs.mul("margin.better_ratio", &equity, initial_before);
    let then = cs.mul("margin.better_ratio", &equity_before, initial);
    let improved = cs.mul("margin.better_ratio", better.lc(), &(now - then));
    bits::range(cs, "margin.better_ratio", &improved, PRODUCT_BITS);

    // withdrawable = min(equity, daily equity) - initial, never with the better-of rule.
    cs.enforce("withdraw.not_better_of", withdraws, better.lc(), &zero);
    let daily_surplus = cs.mul("withdraw.daily", withdraws, &(daily - initial));
    bits::range(cs, "withdraw.daily", &daily_surplus, EQUITY_BITS);
    let expired = Lc::sum(slots.iter().map(|s| s.expired.lc()));
    cs.enforce("withdraw.no_expired_position", withdraws, &expired, &zero);
}

/// Reads a field element as a signed number: is it below 0?
fn negative(x: Fr) -> bool {
    x.into_bigint() > Fr::MODULUS_MINUS_ONE_DIV_TWO
}
