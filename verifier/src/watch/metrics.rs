//! The picture for Prometheus, made when it is asked for: nothing is counted twice.

use super::picture::Picture;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAlarm {
    name: String,
    severity: String,
}

/// OpenMetrics text.
pub fn text(picture: &Picture) -> String {
    let mut registry = Registry::with_prefix("novation_watch");
    let status = picture.status();
    let (newest, settled) = (picture.newest(), picture.settled());
    let mut gauge = |name: &str, help: &str, value: f64| registry.register(name, help, ConstGauge::new(value));
    let flag = |value: bool| f64::from(u8::from(value));
    gauge("believed", "0 while a fatal alarm stands", flag(status.believed));
    gauge("synced", "Whether everything up to the newest block was read", flag(status.synced));
    gauge("block", "Newest L1 block read", status.block as f64);
    gauge("block_time_seconds", "Time of the newest L1 block read", status.time as f64);
    gauge("finalized_block", "Finalized L1 block", status.finalized as f64);
    gauge("batch_accepted", "Number of the last accepted batch", f64::from(newest.batch));
    gauge("batch_final", "Number of the last final batch", f64::from(settled.batch));
    gauge("batch_time_seconds", "L1 time of the last accepted batch", newest.batch_time as f64);
    gauge("markets", "Number of the last accepted markets", f64::from(newest.markets.number()));
    gauge("accounts", "Opened accounts", status.accepted.accounts as f64);
    gauge("queue_deposits", "Deposits that no batch has consumed", newest.queue.len() as f64);
    gauge("queue_micro", "Micro-units of the queue", newest.waiting() as f64);
    gauge("inside_micro", "Micro-units of accounts and house", newest.inside as f64);
    gauge("owed_micro", "Micro-units owed to claimants", newest.owed as f64);
    gauge("unfinal_changes", "Changes kept because they may still be replaced", picture.unfinal() as f64);
    if let Some(money) = picture.money() {
        gauge("held_micro", "Micro-units of the token that the contract holds", f64::from(money.held));
    }
    let raised = ConstCounter::new(picture.board().raised());
    registry.register("alarms_raised", "Alarms ever raised", raised);
    let alarms = Family::<OfAlarm, Gauge>::default();
    for alarm in picture.board().standing() {
        let label = OfAlarm { name: alarm.name.into(), severity: alarm.severity.name().into() };
        alarms.get_or_create(&label).inc();
    }
    registry.register("alarms", "Alarms that stand, by name", alarms);
    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a string");
    text
}
