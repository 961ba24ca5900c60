//! Events over WebSocket.
//!
//! Everybody hears public events. Who sends a [`Hello`] with the credential of a signed read hears of the own account too, until the
//! credential is over. A reader who falls more than [`EVENTS`](crate::rest::books::EVENTS) events behind, or takes a message
//! only after ten seconds, is dropped with a reason: what was missed is to be read again.

use crate::rest::auth::Reader;
use crate::rest::books::Notice;
use crate::rest::error::ApiError;
use crate::rest::extract::parse;
use crate::rest::openapi::Common;
use crate::rest::ApiState;
use crate::wire::{AccountEvent, Event, Hello};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{close_code, CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::Receiver;
use tokio::time::{interval, timeout, MissedTickBehavior};

/// A client says one thing, and it is short.
const LONGEST_MESSAGE: usize = 4_096;
/// Between two pings.
const PING: Duration = Duration::from_secs(20);
/// Pings without an answer after which nobody is there.
const MISSED: u32 = 3;
/// Time in which a client takes a message.
const TAKE: Duration = Duration::from_secs(10);

/// Why a socket is closed.
struct Closed {
    code: u16,
    reason: String,
}

impl Closed {
    fn new(code: u16, reason: impl Into<String>) -> Closed {
        Closed { code, reason: reason.into() }
    }
}

impl From<ApiError> for Closed {
    fn from(error: ApiError) -> Closed {
        Closed::new(close_code::POLICY, error.detail.code)
    }
}

/// A WebSocket. The server says `PublicEvent`s, and `AccountEvent`s after a `Hello`; each is a JSON object with a `type`.
#[utoipa::path(get, path = "/v1/events", tag = "venue",
    responses((status = 101, description = "Events follow"),
        (status = 426, description = "Not a WebSocket handshake", body = crate::wire::ErrorBody), Common))]
pub async fn events(
    State(state): State<ApiState>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| {
        ApiError::new(
            StatusCode::UPGRADE_REQUIRED,
            "websocket_only",
            format!("this is a WebSocket: {}", rejection.body_text()),
        )
    })?;
    let permit = state.guards.websockets.clone().try_acquire_owned();
    let permit =
        permit.map_err(|_| ApiError::unavailable("websockets_full", "too many WebSockets are open").retry_after(5))?;
    // Before the answer leaves, so that nothing is missed between it and the first read.
    let notices = state.books.subscribe();
    let upgrade = upgrade.max_message_size(LONGEST_MESSAGE).max_frame_size(LONGEST_MESSAGE);
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        state.metrics.websockets.inc();
        let Closed { code, reason } = match converse(&mut socket, &state, notices).await {
            Ok(()) => Closed::new(close_code::NORMAL, ""),
            Err(closed) => closed,
        };
        let frame = CloseFrame { code, reason: reason.into() };
        // Whoever is gone already does not hear why.
        drop(timeout(TAKE, socket.send(Message::Close(Some(frame)))).await);
        state.metrics.websockets.dec();
        drop(permit);
    }))
}

async fn converse(socket: &mut WebSocket, state: &ApiState, mut notices: Receiver<Arc<Notice>>) -> Result<(), Closed> {
    let mut reader: Option<Reader> = None;
    let mut closing = state.closing.subscribe();
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = 0;
    loop {
        tokio::select! {
            () = async { drop(closing.wait_for(|closing| *closing).await) } => {
                return Err(Closed::new(close_code::AWAY, "the service stops"));
            }
            _ = pings.tick() => {
                if unanswered >= MISSED {
                    return Err(Closed::new(close_code::POLICY, "no answer to pings"));
                }
                unanswered += 1;
                send(socket, state, Message::Ping(Default::default())).await?;
            }
            notice = notices.recv() => match notice {
                Ok(notice) => tell(socket, state, reader, &notice).await?,
                Err(RecvError::Lagged(missed)) => {
                    state.metrics.websockets_dropped.inc();
                    return Err(Closed::new(close_code::AGAIN, format!("too slow: {missed} events were missed, read again")));
                }
                Err(RecvError::Closed) => return Err(Closed::new(close_code::AWAY, "the service stops")),
            },
            heard = socket.recv() => match heard {
                None | Some(Err(_)) | Some(Ok(Message::Close(_))) => return Ok(()),
                Some(Ok(Message::Text(text))) => {
                    let Hello { authorization } = parse(text.as_bytes())?;
                    let checked = Reader::check(state, &authorization)?;
                    let (account, expires) = (checked.account.get(), checked.expires.get());
                    reader = Some(checked);
                    let event = Event::Account(AccountEvent::Subscribed { account, expires });
                    send(socket, state, text_of(&event)).await?;
                }
                Some(Ok(Message::Binary(_))) => {
                    return Err(Closed::new(close_code::UNSUPPORTED, "messages are text"));
                }
                Some(Ok(Message::Pong(_))) => unanswered = 0,
                Some(Ok(Message::Ping(_))) => {}
            },
        }
    }
}

async fn tell(socket: &mut WebSocket, state: &ApiState, reader: Option<Reader>, notice: &Notice) -> Result<(), Closed> {
    if let Some(account) = notice.account {
        let Some(reader) = reader.filter(|reader| reader.account == account) else { return Ok(()) };
        reader.still(state)?;
    }
    send(socket, state, text_of(&notice.event)).await
}

fn text_of(event: &Event) -> Message {
    Message::Text(Utf8Bytes::from(serde_json::to_string(event).expect("events are strings and numbers")))
}

async fn send(socket: &mut WebSocket, state: &ApiState, message: Message) -> Result<(), Closed> {
    match timeout(TAKE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Closed::new(close_code::ABNORMAL, "")),
        Err(_) => {
            state.metrics.websockets_dropped.inc();
            Err(Closed::new(close_code::AGAIN, "too slow: a message was not taken in time, read again"))
        }
    }
}
