//! alloy's transport straight into the chain: no socket, no serialisation of the connection.

use super::Devnet;
use alloy::rpc::json_rpc::{RequestPacket, Response, ResponsePacket, ResponsePayload, SerializedRequest};
use alloy::transports::{TransportError, TransportFut};
use std::task::{Context, Poll};
use tower_service::Service;

/// A [`tower_service::Service`] that answers alloy's requests from a [`Devnet`] in this process.
#[derive(Debug, Clone)]
pub struct DevnetTransport {
    devnet: Devnet,
}

impl DevnetTransport {
    pub(super) fn new(devnet: Devnet) -> Self {
        Self { devnet }
    }

    fn answer(&self, request: &SerializedRequest) -> Response {
        let payload = match self.devnet.request(request.method(), request.params()) {
            Ok(result) => ResponsePayload::Success(result),
            Err(error) => ResponsePayload::Failure(error.payload()),
        };
        Response { id: request.id().clone(), payload }
    }
}

impl Service<RequestPacket> for DevnetTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> TransportFut<'static> {
        let this = self.clone();
        // Execution takes milliseconds and nothing else waits on this task, so it runs where it is polled.
        Box::pin(async move {
            Ok(match packet {
                RequestPacket::Single(request) => ResponsePacket::Single(this.answer(&request)),
                RequestPacket::Batch(requests) => {
                    ResponsePacket::Batch(requests.iter().map(|request| this.answer(request)).collect())
                }
            })
        })
    }
}
