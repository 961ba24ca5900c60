//! The venue's events over WebSocket, over and over.
//!
//! A connection that ends is made again. What happened in between is not sent again, so every new connection is told: the caller then
//! reads orders, fills and account once, and goes on.

use super::rest::paths;
use super::{ClientError, Credential, Rest};
use crate::wire::{Event, Hello};
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{connect_async_with_config, MaybeTlsStream, WebSocketStream};

/// Connecting takes this long at most.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After so long a silence the venue is pinged; after the second one the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(20);
/// First wait before another connection; doubles.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Longest wait before another connection.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Longest message.
const MAX_MESSAGE: usize = 1 << 20;

/// What the stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one at a time, handed to who waits for it")]
pub enum Update {
    /// A new connection, the first one too: read again what may have been missed.
    Connected,
    /// An event.
    Event(Event),
    /// Nothing for a while. Lets the caller bring a fresh credential.
    Quiet,
}

/// A stream of events.
pub struct Events {
    url: String,
    socket: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    /// Before the next connection, if there was one or an attempt before.
    wait: Duration,
    tried: bool,
    /// Pinged, and nothing heard since.
    pinged: bool,
    /// The credential that the venue was told, on this connection.
    told: Option<Credential>,
}

impl Events {
    /// Of a venue. Connects with the first [`Events::next`].
    pub fn new(rest: &Rest) -> Events {
        let url = rest.http().url(paths::EVENTS).to_string().replacen("http", "ws", 1);
        Events { url, socket: None, wait: FIRST_WAIT, tried: false, pinged: false, told: None }
    }

    /// The next update. With a credential, which has to be good for a while, the account's events too.
    ///
    /// # Errors
    /// [`ClientError::Events`] if the venue cannot be reached or says what is not understood; the next call tries again, after a wait
    /// that grows to 30 seconds.
    pub async fn next(&mut self, credential: Option<&Credential>) -> Result<Update, ClientError> {
        if self.socket.is_none() {
            self.connect(credential).await?;
            return Ok(Update::Connected);
        }
        if credential.is_some_and(|credential| self.told.as_ref() != Some(credential)) {
            // A fresh one, before the venue stops at the end of the old one.
            self.tell(credential).await?;
        }
        loop {
            let socket = self.socket.as_mut().expect("connected above");
            match timeout(SILENCE, socket.next()).await {
                Err(_) if self.pinged => return Err(self.lost("no answer to a ping".into())),
                Err(_) => {
                    if let Err(error) = socket.send(Message::Ping(Vec::new().into())).await {
                        return Err(self.lost(error.to_string()));
                    }
                    self.pinged = true;
                    return Ok(Update::Quiet);
                }
                Ok(None) => return Err(self.lost("the venue closed the stream".into())),
                Ok(Some(Err(error))) => return Err(self.lost(error.to_string())),
                Ok(Some(Ok(message))) => {
                    self.pinged = false;
                    match message {
                        Message::Text(text) => return self.event(text.as_str()).map(Update::Event),
                        Message::Close(frame) => {
                            let reason = frame.map_or(String::new(), |frame| format!(": {}", frame.reason));
                            return Err(self.lost(format!("the venue closed the stream{reason}")));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    async fn connect(&mut self, credential: Option<&Credential>) -> Result<(), ClientError> {
        if self.tried {
            tokio::time::sleep(self.wait).await;
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
        }
        self.tried = true;
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let connecting = connect_async_with_config(self.url.as_str(), Some(config), true);
        let socket = match timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok((socket, _))) => socket,
            Ok(Err(error)) => return Err(self.error(error.to_string())),
            Err(_) => return Err(self.error("no connection in time".into())),
        };
        self.socket = Some(socket);
        self.pinged = false;
        self.told = None;
        self.tell(credential).await
    }

    /// Tells the venue whose account to speak of.
    async fn tell(&mut self, credential: Option<&Credential>) -> Result<(), ClientError> {
        let (Some(credential), Some(socket)) = (credential, self.socket.as_mut()) else { return Ok(()) };
        let hello = Hello { authorization: credential.header.clone() };
        let text = serde_json::to_string(&hello).expect("a string");
        if let Err(error) = socket.send(Message::Text(text.into())).await {
            return Err(self.lost(error.to_string()));
        }
        self.told = Some(credential.clone());
        Ok(())
    }

    fn event(&mut self, text: &str) -> Result<Event, ClientError> {
        // Only a stream that says something sensible counts as one that works.
        let event = serde_json::from_str(text).map_err(|error| self.error(format!("not an event: {error}")))?;
        self.wait = FIRST_WAIT;
        Ok(event)
    }

    fn lost(&mut self, reason: String) -> ClientError {
        self.socket = None;
        self.error(format!("{reason}; connecting again"))
    }

    fn error(&self, reason: String) -> ClientError {
        ClientError::Events { url: self.url.clone(), reason }
    }
}
