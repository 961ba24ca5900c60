//! The chain over HTTP on loopback: JSON-RPC 2.0, single requests and batches.

use super::{Devnet, RpcError};
use alloy::rpc::json_rpc::Id;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{HeaderValue, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{json, Value};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Longest request body. A batch of the large size is about 60 kB of calldata, twice that in hexadecimal.
pub const MAX_BODY_BYTES: usize = 4 << 20;

/// Requests in one JSON-RPC batch.
pub const MAX_BATCH: usize = 256;

/// Connections served at once; more wait in the listener's queue.
pub const MAX_CONNECTIONS: usize = 64;

/// Time to send the head of a request: an idle connection does not hold a place for ever.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the server could not start.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The port on loopback cannot be bound.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Bind {
        /// The port asked for.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A running server; dropping it stops listening.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for a provider.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Devnet {
    /// Serves this chain on 127.0.0.1 only: its keys are public, so nobody else's machine may reach it. Port 0 takes
    /// any free one.
    ///
    /// # Errors
    /// [`HttpError::Bind`].
    pub async fn serve_http(&self, port: u16) -> Result<HttpServer, HttpError> {
        let bind = |source| HttpError::Bind { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let task = tokio::spawn(accept(self.clone(), listener));
        Ok(HttpServer { address, task })
    }
}

async fn accept(devnet: Devnet, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of file descriptors, or the peer gave up: let others finish, then go on.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let devnet = devnet.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let devnet = devnet.clone();
                async move { Ok::<_, Infallible>(serve(&devnet, request).await) }
            });
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
            // An error here is the peer's connection breaking: there is nobody to tell.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

async fn serve(devnet: &Devnet, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method() != Method::POST {
        return reply(StatusCode::METHOD_NOT_ALLOWED, String::new());
    }
    // A web page can post text anywhere without asking; it cannot send this type without a preflight, which fails here.
    let is_json = |value: &HeaderValue| value.to_str().is_ok_and(|t| t.starts_with("application/json"));
    if !request.headers().get(CONTENT_TYPE).is_some_and(is_json) {
        return reply(StatusCode::UNSUPPORTED_MEDIA_TYPE, String::new());
    }
    // A declared length is refused before it is read, an undeclared one where it passes the limit.
    if request.body().size_hint().lower() > MAX_BODY_BYTES as u64 {
        return reply(StatusCode::PAYLOAD_TOO_LARGE, String::new());
    }
    match Limited::new(request.into_body(), MAX_BODY_BYTES).collect().await {
        Ok(body) => reply(StatusCode::OK, answer_text(devnet, &body.to_bytes())),
        Err(_) => reply(StatusCode::PAYLOAD_TOO_LARGE, String::new()),
    }
}

fn reply(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(default)]
    id: Option<Id>,
    method: String,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// The answer to the text of a request or of a batch of them.
fn answer_text(devnet: &Devnet, body: &[u8]) -> String {
    let raw: &RawValue = match serde_json::from_slice(body) {
        Ok(raw) => raw,
        Err(error) => return failure(&None, &RpcError::Parse(error.to_string())).to_string(),
    };
    if !raw.get().starts_with('[') {
        return answer(devnet, raw).to_string();
    }
    let calls: Vec<&RawValue> = match serde_json::from_str(raw.get()) {
        Ok(calls) => calls,
        Err(error) => return failure(&None, &RpcError::Parse(error.to_string())).to_string(),
    };
    if calls.is_empty() {
        return failure(&None, &RpcError::InvalidRequest("an empty batch".into())).to_string();
    }
    if calls.len() > MAX_BATCH {
        return failure(&None, &RpcError::Limit(format!("more than {MAX_BATCH} requests"))).to_string();
    }
    Value::Array(calls.into_iter().map(|call| answer(devnet, call)).collect()).to_string()
}

fn answer(devnet: &Devnet, raw: &RawValue) -> Value {
    let call: Call<'_> = match serde_json::from_str(raw.get()) {
        Ok(call) => call,
        Err(error) => return failure(&None, &RpcError::InvalidRequest(error.to_string())),
    };
    match devnet.request(&call.method, call.params) {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": call.id, "result": result }),
        Err(error) => failure(&call.id, &error),
    }
}

fn failure(id: &Option<Id>, error: &RpcError) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": error.payload() })
}
