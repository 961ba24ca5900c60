//! The bytes of changed market leaves.

use super::bytes::{Reader, Writer};
use super::DecodeError;
use novation_state::leaf::{Kind, MarketLeaf, Status, SCENARIOS};
use novation_state::units::{InstrumentId, PerLot};

pub(super) fn write_changes(out: &mut Writer, changes: &[(InstrumentId, MarketLeaf)]) {
    let count = u32::try_from(changes.len()).expect("there are fewer than 2^20 instruments");
    out.bytes(&count.to_be_bytes());
    for (id, leaf) in changes {
        out.unit(id.get());
        write_leaf(out, leaf);
    }
}

pub(super) fn read_changes(from: &mut Reader<'_>) -> Result<Vec<(InstrumentId, MarketLeaf)>, DecodeError> {
    let count = u32::from_be_bytes(from.array("the number of leaves")?);
    // Memory grows with what is read and not with what is announced.
    let mut changes = Vec::new();
    for _ in 0..count {
        changes.push((from.unit("the instrument")?, read_leaf(from)?));
    }
    Ok(changes)
}

fn write_leaf(out: &mut Writer, leaf: &MarketLeaf) {
    // Without `..`: a new field of the leaf does not compile here before it has its place.
    let MarketLeaf {
        kind,
        underlying,
        tick_value,
        expiry,
        strike,
        status,
        mark_time,
        mark,
        daily_mark,
        settlement,
        index,
        risk,
        charge_long,
        charge_short,
        free,
        excess_charge,
        limit,
        fee,
        band_low,
        band_high,
    } = leaf;
    out.byte(*kind as u8);
    out.byte(*underlying);
    out.byte(*status as u8);
    out.unit(tick_value.get());
    out.unit(expiry.get());
    out.unit(strike.get());
    out.unit(mark_time.get());
    out.unit(mark.get());
    out.unit(daily_mark.get());
    out.unit(settlement.get());
    out.unit(index.get());
    risk.iter().for_each(|entry| out.unit(entry.get()));
    out.unit(charge_long.get());
    out.unit(charge_short.get());
    out.unit(free.get());
    out.unit(excess_charge.get());
    out.unit(limit.get());
    out.unit(fee.get());
    out.unit(band_low.get());
    out.unit(band_high.get());
}

fn read_leaf(from: &mut Reader<'_>) -> Result<MarketLeaf, DecodeError> {
    let kind = match from.byte("the contract's kind")? {
        0 => Kind::Future,
        1 => Kind::Perpetual,
        2 => Kind::Call,
        3 => Kind::Put,
        found => return Err(DecodeError::Code { field: "the contract's kind", found }),
    };
    let underlying = from.byte("the underlying")?;
    let status = match from.byte("the status")? {
        0 => Status::Open,
        1 => Status::ReduceOnly,
        2 => Status::Halted,
        3 => Status::Settled,
        found => return Err(DecodeError::Code { field: "the status", found }),
    };
    Ok(MarketLeaf {
        kind,
        underlying,
        status,
        tick_value: from.unit("the tick value")?,
        expiry: from.unit("the expiry")?,
        strike: from.unit("the strike")?,
        mark_time: from.unit("the mark's time")?,
        mark: from.unit("the mark")?,
        daily_mark: from.unit("the daily mark")?,
        settlement: from.unit("the settlement value")?,
        index: from.unit("the funding index")?,
        risk: read_risk(from)?,
        charge_long: from.unit("the long charge")?,
        charge_short: from.unit("the short charge")?,
        free: from.unit("the free lots")?,
        excess_charge: from.unit("the excess charge")?,
        limit: from.unit("the position limit")?,
        fee: from.unit("the fee")?,
        band_low: from.unit("the band's low end")?,
        band_high: from.unit("the band's high end")?,
    })
}

fn read_risk(from: &mut Reader<'_>) -> Result<[PerLot; SCENARIOS], DecodeError> {
    let mut risk = [PerLot::ZERO; SCENARIOS];
    for entry in &mut risk {
        *entry = from.unit("a risk entry")?;
    }
    Ok(risk)
}
