//! The routes, and the document that describes them: one list for both.

use super::routes::{account, accounts, batches, events, markets, messages, venue};
use super::ApiState;
use crate::wire::{AccountEvent, ErrorBody, Hello, PublicEvent};
use axum::http::header;
use axum::routing::get;
use axum::Router;
use std::sync::Arc;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::OpenApi as Document;
use utoipa::{IntoResponses, Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What any route may answer besides.
#[derive(IntoResponses)]
#[allow(dead_code)] // only described
pub(super) enum Common {
    /// The request cannot be read: `error.field` says where.
    #[response(status = 400)]
    Unreadable(ErrorBody),
    /// Too many requests; `Retry-After` says when to try again.
    #[response(status = 429)]
    TooMany(ErrorBody),
    /// Full or stopping; `Retry-After` says when to try again.
    #[response(status = 503)]
    Unavailable(ErrorBody),
    /// No answer in time.
    #[response(status = 504)]
    Late(ErrorBody),
}

/// What any route with a body may answer besides.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(super) enum WithBody {
    /// The body is larger than 64 KiB.
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// The body is not declared as JSON.
    #[response(status = 415)]
    NotJson(ErrorBody),
    /// A rule is broken: `error.code` and `error.field` say which and where. Nothing changed.
    #[response(status = 422)]
    Rule(ErrorBody),
}

/// What any signed read may answer besides.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(super) enum Signed {
    /// The credential is missing, over, or not the owner's.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
}

struct Credential;

impl Modify for Credential {
    fn modify(&self, document: &mut Document) {
        let text = "`Novation <account>.<expires>.<signature>`: the signature is by the account's owner over the read message (type 6, \
                    deployment, account, three zeros, expires, zeros), `expires` at most an hour ahead.";
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("Authorization", text)));
        document.components.get_or_insert_default().add_security_scheme("signed_read", scheme);
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Novation", description = "A clearing house whose rules are a proof: orders in, receipts and proven batches out.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    modifiers(&Credential),
    components(schemas(Hello, PublicEvent, AccountEvent)),
    tags(
        (name = "venue", description = "The venue itself"),
        (name = "accounts", description = "Opening an account; its public side"),
        (name = "messages", description = "Signed orders and commands"),
        (name = "account", description = "The own account, with a signed credential. Everything rests on announced batches"),
        (name = "markets", description = "Instruments, marks, auctions"),
        (name = "batches", description = "Batches, their stages, public data and proofs"),
    )
)]
struct Described;

/// The routes under `/v1` and their description.
pub(super) fn routes() -> (Router<ApiState>, Document) {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(venue::venue))
        .routes(routes!(venue::health))
        .routes(routes!(accounts::open, accounts::of_owner))
        .routes(routes!(accounts::leaf))
        .routes(routes!(messages::order))
        .routes(routes!(messages::command))
        .routes(routes!(account::account))
        .routes(routes!(account::orders))
        .routes(routes!(account::order))
        .routes(routes!(account::commands))
        .routes(routes!(account::fills))
        .routes(routes!(account::what_if))
        .routes(routes!(markets::instruments))
        .routes(routes!(markets::instrument))
        .routes(routes!(markets::marks))
        .routes(routes!(markets::auctions))
        .routes(routes!(batches::batches))
        .routes(routes!(batches::batch))
        .routes(routes!(events::events))
        .split_for_parts()
}

/// The OpenAPI document.
pub fn document() -> Document {
    routes().1
}

/// `/openapi.json`.
pub(super) fn served(document: Arc<String>) -> Router<ApiState> {
    let serve = move || {
        let document = document.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], document.as_str().to_owned()) }
    };
    Router::new().route("/openapi.json", get(serve))
}
