//! Metrics for Prometheus, on a port of their own: what is counted here says how much is traded, so it is the operator's.

use super::error::Code;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{header, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::Router;
use novation_sequencer::Backlog;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{exponential_buckets, Histogram};
use prometheus_client::registry::Registry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CodeLabel {
    /// Stable name.
    pub code: String,
}

/// A route with what it answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabel {
    /// Route, as it is declared.
    pub route: String,
    /// Method.
    pub method: String,
    /// HTTP status.
    pub status: u16,
}

/// What is counted. The node adds its own figures by [`Metrics::register`].
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Orders that got a receipt.
    pub orders_accepted: Counter,
    /// Commands that got a receipt.
    pub commands_accepted: Counter,
    /// Messages that got none, by code.
    pub refused: Family<CodeLabel, Counter>,
    /// Seconds from a message to its receipt.
    pub receipt_seconds: Histogram,
    requests: Family<RouteLabel, Histogram, fn() -> Histogram>,
    /// WebSockets open.
    pub websockets: Gauge,
    /// WebSockets closed because they read too slowly.
    pub websockets_dropped: Counter,
    backlog: [Gauge; 4],
}

/// 0.5 ms to 16 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// All zero.
    pub fn new() -> Metrics {
        let metrics = Metrics {
            registry: Mutex::new(Registry::with_prefix("novation")),
            orders_accepted: Counter::default(),
            commands_accepted: Counter::default(),
            refused: Family::default(),
            receipt_seconds: seconds(),
            requests: Family::new_with_constructor(seconds),
            websockets: Gauge::default(),
            websockets_dropped: Counter::default(),
            backlog: Default::default(),
        };
        metrics.register(|registry| {
            registry.register("orders_accepted", "Orders that got a receipt", metrics.orders_accepted.clone());
            registry.register("commands_accepted", "Commands that got a receipt", metrics.commands_accepted.clone());
            registry.register("messages_refused", "Messages without a receipt, by code", metrics.refused.clone());
            registry.register("receipt_seconds", "From a message to its receipt", metrics.receipt_seconds.clone());
            registry.register("http_request_seconds", "Time to answer", metrics.requests.clone());
            registry.register("websockets", "WebSockets open", metrics.websockets.clone());
            let dropped = metrics.websockets_dropped.clone();
            registry.register("websockets_dropped", "WebSockets closed for reading too slowly", dropped);
            let [windows, deposits, commands, unproven] = metrics.backlog.clone();
            registry.register("backlog_windows", "Auctioned windows that no batch holds", windows);
            registry.register("backlog_deposits", "Final deposits that no batch holds", deposits);
            registry.register("backlog_commands", "Commands that no batch holds", commands);
            registry.register("backlog_unproven", "Batches whose proofs L1 has not accepted", unproven);
        });
        metrics
    }

    /// Adds figures.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What waits in the engine.
    pub fn set_backlog(&self, backlog: Backlog) {
        let Backlog { windows, deposits, commands, unproven } = backlog;
        let values = [windows as i64, deposits as i64, commands as i64, unproven as i64];
        for (gauge, value) in self.backlog.iter().zip(values) {
            gauge.set(value);
        }
    }

    /// In the text format of OpenMetrics.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        encode(&mut text, &registry).expect("a string takes everything");
        text
    }

    /// `GET /metrics`, for the private port.
    pub fn router(self: Arc<Metrics>) -> Router {
        let scrape = |State(metrics): State<Arc<Metrics>>| async move {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], metrics.text())
        };
        Router::new().route("/metrics", get(scrape)).with_state(self)
    }
}

/// Measures a request.
pub(super) async fn measure(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    // Anybody can invent methods; each would be a series of its own.
    let method = match *request.method() {
        Method::GET | Method::POST | Method::HEAD | Method::OPTIONS => request.method().as_str(),
        _ => "other",
    };
    let method = method.to_owned();
    let response = next.run(request).await.into_response();
    let code = response.extensions().get::<Code>();
    if let Some(Code(code)) = code.filter(|_| matches!(route.as_str(), "/v1/orders" | "/v1/commands")) {
        metrics.refused.get_or_create(&CodeLabel { code: code.clone() }).inc();
    }
    let label = RouteLabel { route, method, status: response.status().as_u16() };
    metrics.requests.get_or_create(&label).observe(begun.elapsed().as_secs_f64());
    response
}
