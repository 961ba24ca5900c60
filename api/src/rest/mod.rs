//! REST and WebSocket: HTTP in, the sequencer's answer out, and no rules in between.
//!
//! | route | answers |
//! |---|---|
//! | `GET /v1/venue`, `/v1/health` | [`VenueView`](crate::wire::VenueView), [`HealthView`](crate::wire::HealthView) |
//! | `POST /v1/accounts` | [`Opening`](crate::wire::Opening): the two L1 calls that open an account |
//! | `GET /v1/accounts?owner_x=` | slots whose deposits name a key |
//! | `GET /v1/accounts/{slot}/leaf` | [`LeafView`](crate::wire::LeafView) |
//! | `POST /v1/orders`, `/v1/commands` | [`Receipt`](crate::wire::Receipt) |
//! | `GET /v1/account`, `/v1/account/orders[/{position}]`, `/v1/account/commands`, `/v1/account/fills`, `POST /v1/account/what-if` | the own account, with a signed credential |
//! | `GET /v1/instruments[/{id}]`, `/v1/marks`, `/v1/auctions` | markets |
//! | `GET /v1/batches[/{n}]` | batches with their stages, public data and proof |
//! | `GET /v1/events` | WebSocket |
//! | `GET /openapi.json` | the same, for machines |
//! | `GET /`, `/assets/*` | the page |
//!
//! Lists come in ascending order, `limit` at most 500 a page (100 unless asked): with `after` what follows it, without it the last ones.
//!
//! - [`books`]: the read model.
//! - [`limits`]: rates, concurrency, time.
//! - [`auth`]: signed reads.
//! - [`error`], [`reasons`]: every refusal's status, code and field.
//! - [`metrics`]: for the private port.

pub mod auth;
pub mod books;
pub mod error;
mod extract;
pub mod limits;
pub mod metrics;
mod openapi;
mod page;
pub mod reasons;
mod routes;

pub use books::{Books, Publication, Stage};
pub use limits::{Limits, Rate};
pub use metrics::Metrics;
pub use openapi::document;

use crate::wire::Cadence;
use axum::extract::DefaultBodyLimit;
use axum::http::{header, HeaderName, HeaderValue, Method};
use axum::middleware::from_fn_with_state;
use axum::Router;
use error::ApiError;
use limits::Guards;
use novation_sequencer::durable::Handle;
use novation_state::crypto::babyjub::Point;
use novation_state::ledger::Deployment;
use novation_state::size::Size;
use novation_state::units::{AccountSlot, Time};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::cors::{Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

/// What the venue says of itself.
#[derive(Clone, Debug)]
pub struct Venue {
    /// Deployment.
    pub deployment: Deployment,
    /// The contract.
    pub contract: [u8; 20],
    /// The collateral token.
    pub collateral: [u8; 20],
    /// URL of an embedded L1.
    pub l1_url: Option<String>,
    /// Public key of receipts.
    pub operator: Point,
    /// Circuit size.
    pub size: Size,
    /// keccak256 of the verifying key.
    pub verifying_key: [u8; 32],
    /// How often things happen.
    pub cadence: Cadence,
    /// Most batches without a proof.
    pub max_unproven: u64,
}

/// The clock of the service: the same that the log's writer reads.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    handle: Handle,
    books: Books,
    venue: Arc<Venue>,
    clock: Clock,
    guards: Arc<Guards>,
    metrics: Arc<Metrics>,
    limits: Limits,
    closing: Arc<watch::Sender<bool>>,
}

impl ApiState {
    /// `books` must be those that the writer behind `handle` tells of everything.
    pub fn new(
        handle: Handle,
        books: Books,
        venue: Venue,
        clock: Clock,
        limits: Limits,
        metrics: Arc<Metrics>,
    ) -> ApiState {
        let guards = Arc::new(Guards::new(limits));
        let (closing, _) = watch::channel(false);
        ApiState { handle, books, venue: Arc::new(venue), clock, guards, metrics, limits, closing: Arc::new(closing) }
    }

    /// Now.
    fn now(&self) -> Time {
        (self.clock)()
    }

    /// The owner key of an account after the last batch.
    fn owner(&self, account: AccountSlot) -> Option<Point> {
        self.books.read().leaf(account).map(|leaf| leaf.owner)
    }
}

/// The page takes scripts, styles and connections from its own origin alone, and nobody may frame it.
const CONTENT_POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// The public port.
pub fn router(state: ApiState) -> Router {
    let (api, document) = openapi::routes();
    let document = Arc::new(document.to_pretty_json().expect("a document of strings"));
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let cors = CorsLayer::new().allow_origin(Any).allow_methods([Method::GET]).allow_headers([header::AUTHORIZATION]);
    Router::new()
        .merge(api)
        .merge(openapi::served(document))
        .merge(page::router())
        .fallback(|| async { ApiError::not_found("no_route", "nothing is here: GET /openapi.json says what is where") })
        .method_not_allowed_fallback(|| async {
            let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
            ApiError::new(status, "method", "not with this method: GET /openapi.json says with which")
        })
        .layer(DefaultBodyLimit::max(state.limits.body))
        .layer(from_fn_with_state(state.clone(), limits::guard))
        .layer(cors)
        .layer(fixed(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(from_fn_with_state(state.metrics.clone(), metrics::measure))
        .with_state(state)
}

/// Serves the public port, with the routes of `others` beside ours, until `shutdown`: then no connection is taken any more, WebSockets are closed, and what is under way
/// gets its answer.
///
/// # Errors
/// What the listener says.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    others: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let closing = state.closing.clone();
    let stop = async move {
        shutdown.await;
        closing.send_replace(true);
    };
    let service = router(state).merge(others).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}
