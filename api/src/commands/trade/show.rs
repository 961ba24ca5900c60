//! Tables for people. Money in dollars and quantities in coins, exactly; `--json` has the service's own units.

use crate::client::decimal::{dollars, in_coins, in_dollars};
use crate::client::verify::{OnL1, Verified};
use crate::client::Sent;
use crate::instrument::Asset;
use crate::wire::{
    AccountEvent, AccountView, Event, FillView, InstrumentView, Micro, OrderState, OrderView, PublicEvent, ReasonView,
    SideName, StageName, Standing, StatusName, WhatIfView,
};
use crate::{calendar, wire};
use std::fmt::Write;

/// Columns padded to their widest entry, two spaces apart; numbers are right-aligned where the heading starts with a space.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([heads[at].trim().chars().count()]).max().unwrap_or(0)
    };
    let mut out = String::new();
    let mut line = |cells: Vec<&str>| {
        let mut text = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let (width, gap) = (width(at), if at == 0 { "" } else { "  " });
            if heads[at].starts_with(' ') {
                let _ = write!(text, "{gap}{cell:>width$}");
            } else {
                let _ = write!(text, "{gap}{cell:<width$}");
            }
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(heads.iter().map(|head| head.trim()).collect());
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
    out
}

/// Instruments by id, for their names and grids.
pub struct Names<'a>(pub &'a [InstrumentView]);

impl Names<'_> {
    fn find(&self, id: i64) -> Option<&InstrumentView> {
        self.0.iter().find(|view| view.id == id)
    }

    fn asset(&self, id: i64) -> Option<Asset> {
        wire::asset(self.find(id)?.underlying)
    }

    /// The name, or the number of what has none.
    pub fn name(&self, id: i64) -> String {
        self.find(id).map_or_else(|| format!("#{id}"), |view| view.name.clone())
    }

    fn price(&self, id: i64, ticks: i64) -> String {
        self.asset(id).map_or_else(|| format!("{ticks} ticks"), |asset| in_dollars(asset, ticks))
    }

    fn quantity(&self, id: i64, lots: i64) -> String {
        self.asset(id).map_or_else(|| format!("{lots} lots"), |asset| in_coins(asset, lots))
    }
}

fn usd(micro: Micro) -> String {
    dollars(micro.0)
}

fn side(side: SideName) -> &'static str {
    match side {
        SideName::Buy => "buy",
        SideName::Sell => "sell",
    }
}

fn reason(reason: &Option<ReasonView>) -> &str {
    reason.as_ref().map_or("", |reason| &reason.message)
}

/// Why an order is over, else why it waits.
fn why(order: &OrderView) -> &str {
    let deferred = order.deferred.as_ref().map_or("", |reason| reason.message.as_str());
    order.lapsed.as_ref().map_or(deferred, |reason| &reason.message)
}

/// The account.
pub fn account(verified: &Verified) -> String {
    let Verified { batch, standing, view, on_l1, markets_on_l1, markets_number, .. } = verified;
    let mut out = format!("account {} after batch {batch}, cancel epoch {}\n\n", view.account, view.epoch);
    let rows = |standing: &Standing| {
        let row = |what: &str, micro| vec![what.to_owned(), usd(micro)];
        vec![
            row("equity", standing.equity),
            row("initial margin", standing.initial),
            row("maintenance margin", standing.maintenance),
            row("withdrawable", standing.withdrawable),
        ]
    };
    out += &table(&["", " USD"], &rows(standing));
    out += &positions(view);
    let opened = "opened with the viewing key, found under the root, valued here; the venue says the same";
    let l1 = |what: String, seen: &OnL1| match seen {
        OnL1::NotAsked => String::new(),
        OnL1::Accepted => format!("\n{what}: L1 accepted this root"),
        OnL1::NotYet { last } => {
            format!("\n{what}: not on L1 yet, which is at {last}; until then the venue answers for it")
        }
    };
    let (batch, markets) =
        (l1(format!("batch {batch}"), on_l1), l1(format!("markets {markets_number}"), markets_on_l1));
    let _ = writeln!(out, "\n{opened}{batch}{markets}");
    out
}

fn positions(view: &AccountView) -> String {
    let mut out = String::new();
    if !view.positions.is_empty() {
        let rows: Vec<_> = view
            .positions
            .iter()
            .map(|position| {
                let asset = position.name.split('-').next().and_then(|ticker| ticker.parse::<Asset>().ok());
                let quantity = asset.map_or(format!("{} lots", position.lots), |asset| in_coins(asset, position.lots));
                let mark = asset.map_or(format!("{} ticks", position.mark), |asset| in_dollars(asset, position.mark));
                let note = if position.settled { "settled" } else { "" };
                vec![position.name.clone(), quantity, mark, usd(position.value), note.to_owned()]
            })
            .collect();
        out += "\n";
        out += &table(&["position", " quantity", " mark", " value", ""], &rows);
    }
    for scenario in &view.scenarios {
        let name = scenario.asset.clone().unwrap_or_else(|| format!("underlying {}", scenario.underlying));
        let rows: Vec<_> = scenario.losses.chunks(8).map(|half| half.iter().map(|loss| usd(*loss)).collect()).collect();
        let _ = writeln!(out, "\n{name}: loss in the 16 scenarios, worst {}", usd(scenario.worst));
        let heads = [" "; 8];
        let body: Vec<Vec<String>> = rows;
        if body.iter().all(|row| row.len() == heads.len()) {
            let text = table(&heads, &body);
            out += text.split_once('\n').map_or("", |(_, rows)| rows);
        }
    }
    if !view.scenarios.is_empty() {
        let _ = writeln!(out, "\nother charges {}", usd(view.charges));
    }
    out
}

/// Orders, and messages without a certain answer.
pub fn orders(orders: &[OrderView], pending: &[Sent], names: &Names<'_>) -> String {
    let mut out = String::new();
    let rows: Vec<_> = orders
        .iter()
        .map(|order| {
            let state = match order.state {
                OrderState::Open => "open",
                OrderState::Filled => "filled",
                OrderState::Lapsed => "over",
            };
            vec![
                format!("{}:{}", order.order_slot, order.nonce),
                names.name(order.instrument),
                side(order.side).to_owned(),
                names.quantity(order.instrument, order.lots),
                names.price(order.instrument, order.limit),
                names.quantity(order.instrument, order.filled),
                state.to_owned(),
                why(order).to_owned(),
            ]
        })
        .collect();
    if rows.is_empty() {
        out += "no orders\n";
    } else {
        out += &table(&["order", "instrument", "side", " quantity", " limit", " filled", "state", "why"], &rows);
    }
    for sent in pending {
        let _ = writeln!(
            out,
            "no certain answer for {}:{}, signed {}: `resend` sends it again, `cancel` ends it",
            sent.order_slot,
            sent.nonce,
            calendar::show(sent.time)
        );
    }
    out
}

/// Fills.
pub fn fills(fills: &[FillView], names: &Names<'_>) -> String {
    if fills.is_empty() {
        return "no fills\n".to_owned();
    }
    let rows: Vec<_> = fills.iter().map(|fill| fill_row(fill, names)).collect();
    table(&[" fill", "instrument", "side", " quantity", " price", " fee", " batch"], &rows)
}

fn fill_row(fill: &FillView, names: &Names<'_>) -> Vec<String> {
    vec![
        fill.id.to_string(),
        names.name(fill.instrument),
        side(fill.side).to_owned(),
        names.quantity(fill.instrument, fill.lots),
        names.price(fill.instrument, fill.price),
        usd(fill.fee),
        fill.batch.to_string(),
    ]
}

/// Instruments.
pub fn markets(instruments: &[InstrumentView]) -> String {
    if instruments.is_empty() {
        return "nothing is listed yet\n".to_owned();
    }
    let names = Names(instruments);
    let rows: Vec<_> = instruments
        .iter()
        .map(|view| {
            let status = match view.status {
                StatusName::Open => "open",
                StatusName::ReduceOnly => "reduce only",
                StatusName::Halted => "halted",
                StatusName::Settled => "settled",
            };
            vec![
                view.id.to_string(),
                view.name.clone(),
                status.to_owned(),
                names.price(view.id, view.mark),
                calendar::show(view.mark_time),
                format!("{} to {}", names.price(view.id, view.band_low), names.price(view.id, view.band_high)),
                usd(view.fee),
            ]
        })
        .collect();
    table(&[" id", "instrument", "status", " mark", "taken", "band", " fee a lot"], &rows)
}

/// What-if.
pub fn what_if(view: &WhatIfView) -> String {
    let row =
        |what: &str, get: fn(&Standing) -> Micro| vec![what.to_owned(), usd(get(&view.before)), usd(get(&view.after))];
    let rows = [
        row("equity", |standing| standing.equity),
        row("initial margin", |standing| standing.initial),
        row("maintenance margin", |standing| standing.maintenance),
        row("withdrawable", |standing| standing.withdrawable),
    ];
    let mut out = table(&["", " now", " filled at the limit"], &rows);
    for verdict in &view.orders {
        let _ = match verdict.admitted {
            true => writeln!(out, "\nit would take part with {} lots", verdict.lots),
            false => writeln!(out, "\nit would not take part: {}", reason(&verdict.reason)),
        };
    }
    out
}

/// An event, in a line.
pub fn event(event: &Event, names: &Names<'_>) -> String {
    match event {
        Event::Public(PublicEvent::Window { window, time }) => {
            format!("{}  window {window} is over", calendar::show(*time))
        }
        Event::Public(PublicEvent::Auction { auction }) => {
            let lots =
                auction.lots.map_or(String::new(), |lots| format!(", {}", names.quantity(auction.instrument, lots)));
            let (name, price) = (names.name(auction.instrument), names.price(auction.instrument, auction.price));
            format!("auction of window {}: {name} at {price}{lots}", auction.window)
        }
        Event::Public(PublicEvent::Batch { number, stage, moment }) => {
            let stage = match stage {
                StageName::Made => "made: its fills are firm",
                StageName::Proven => "proven",
                StageName::Submitted => "submitted to L1",
                StageName::Accepted => "accepted by L1",
                StageName::Final => "final",
            };
            format!("{}  batch {number} is {stage}", calendar::show(moment.time))
        }
        Event::Public(PublicEvent::Markets { number, time, .. }) => {
            format!("{}  marks, round {number}", calendar::show(*time))
        }
        Event::Account(AccountEvent::Subscribed { account, expires }) => {
            format!("listening for account {account} until {}", calendar::show(*expires))
        }
        Event::Account(AccountEvent::Order { order }) => {
            let (slot, nonce) = (order.order_slot, order.nonce);
            let filled = names.quantity(order.instrument, order.filled);
            let name = names.name(order.instrument);
            format!("order {slot}:{nonce} {} {name}: filled {filled} {}", side(order.side), why(order))
                .trim_end()
                .to_owned()
        }
        Event::Account(AccountEvent::Fill { fill }) => {
            let (name, price) = (names.name(fill.instrument), names.price(fill.instrument, fill.price));
            format!(
                "fill: {} {} {name} at {price}, batch {}",
                side(fill.side),
                names.quantity(fill.instrument, fill.lots),
                fill.batch
            )
        }
        Event::Account(AccountEvent::Command { command }) => {
            let what =
                format!("command {}:{} is {:?}", command.order_slot, command.nonce, command.state).to_lowercase();
            format!("{what} {}", reason(&command.dropped)).trim_end().to_owned()
        }
        Event::Account(AccountEvent::Account { batch }) => format!("the account changed in batch {batch}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_where_the_text_does() {
        let rows = [vec!["a".into(), "1.50".into(), String::new()], vec!["long".into(), "12.00".into(), "x".into()]];
        assert_eq!(table(&["name", " USD", "note"], &rows), "name    USD  note\na      1.50\nlong  12.00  x\n");
    }

    #[test]
    fn what_is_not_listed_is_called_by_its_number() {
        let names = Names(&[]);
        assert_eq!(
            (names.name(7), names.price(7, 5), names.quantity(7, -2)),
            ("#7".into(), "5 ticks".into(), "-2 lots".into())
        );
    }
}
