//! Errors as JSON-RPC 2.0 carries them, with the codes of Ethereum clients (EIP-1474, and 3 for a revert as geth has it).

use alloy::primitives::Bytes;
use alloy::rpc::json_rpc::ErrorPayload;
use serde_json::value::{to_raw_value, RawValue};
use std::borrow::Cow;
use thiserror::Error;

/// Why the devnet did not do what a request asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RpcError {
    /// The text of a request is not JSON.
    #[error("parse error: {0}")]
    Parse(String),
    /// The request is JSON but not a JSON-RPC request.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// The method is not served.
    #[error("the method {0} does not exist or is not available")]
    UnknownMethod(String),
    /// A parameter is missing, of another type or out of range.
    #[error("invalid params: {0}")]
    InvalidParams(String),
    /// A block that is not, or no longer, part of the chain.
    #[error("unknown block")]
    UnknownBlock,
    /// The transaction is invalid or ran out of gas.
    #[error("{0}")]
    Rejected(String),
    /// Execution ended in a revert with this data.
    #[error("execution reverted")]
    Reverted(Bytes),
    /// The block could not be made durable, so it was not made.
    #[error("internal error: {0}")]
    Internal(String),
    /// The request is larger than the devnet serves.
    #[error("limit exceeded: {0}")]
    Limit(String),
}

impl RpcError {
    /// The JSON-RPC error code.
    pub fn code(&self) -> i64 {
        match self {
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_) => -32600,
            Self::UnknownMethod(_) => -32601,
            Self::InvalidParams(_) => -32602,
            Self::Internal(_) => -32603,
            Self::UnknownBlock | Self::Rejected(_) => -32000,
            Self::Limit(_) => -32005,
            Self::Reverted(_) => 3,
        }
    }

    /// The error object of a response.
    pub fn payload(&self) -> ErrorPayload<Box<RawValue>> {
        let data = match self {
            Self::Reverted(data) => Some(to_raw_value(data).expect("bytes are a JSON string")),
            _ => None,
        };
        ErrorPayload { code: self.code(), message: Cow::Owned(self.to_string()), data }
    }
}
