//! The JSON of the service: what is sent and what comes back, and how it becomes the types of `state` and `sequencer`.
//!
//! | what | as |
//! |---|---|
//! | field element, hash | `0x` and 64 hexadecimal digits, big-endian, below the modulus: [`Word`] |
//! | curve point | `{"x": .., "y": ..}`: [`PointJson`] |
//! | EdDSA signature | `0x` and 128 hexadecimal digits, packed as circomlibjs does: [`SignatureHex`] |
//! | money | micro-units of the collateral, a decimal string: [`Micro`] |
//! | L1 address | `0x` and 40 hexadecimal digits: [`AddressHex`] |
//! | bytes | `0x` and hexadecimal digits: [`BytesHex`] |
//! | lots, ticks, Unix seconds, slots, positions, nonces | numbers |
//!
//! Unknown fields of a request are refused. Nothing here judges: whether a message may enter the log is for
//! [`novation_sequencer`] to say.

mod account;
mod batch;
mod error;
mod event;
mod market;
mod request;
mod venue;
mod words;

pub use account::{
    AccountView, CommandState, CommandView, DeferralView, FillView, NonceView, OrderDetail, OrderState, OrderView,
    Positioned, ReasonView, Receipt, ScenarioView, Standing, Verdict, WhatIfView,
};
pub use batch::{BatchDetail, BatchView, DepositState, DepositView, LeafView, Moment, ProofData, StageName, Stages};
pub use error::{ErrorBody, ErrorDetail};
pub use event::{AccountEvent, Event, Hello, PublicEvent};
pub use market::{asset, name, AuctionView, InstrumentView, KindName, MarkView, MarksView, StatusName};
pub use request::{
    ActionJson, CommandRequest, ExecutionName, OpeningRequest, OrderRequest, SideName, WhatIfOrder, WhatIfRequest,
};
pub use venue::{Cadence, HealthView, L1Call, Lanes, Opening, VenueView};
pub use words::{AddressHex, BytesHex, Micro, PointJson, SignatureHex, Word};

/// A field of a request that breaks a rule of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct FieldError {
    /// The field, as a path into the body: `orders[2].fee_cap`.
    pub field: String,
    /// The rule.
    pub rule: String,
}

impl FieldError {
    /// Names field and rule.
    pub fn new(field: impl Into<String>, rule: impl ToString) -> FieldError {
        FieldError { field: field.into(), rule: rule.to_string() }
    }

    /// The same field below another.
    pub fn below(self, parent: &str) -> FieldError {
        FieldError { field: format!("{parent}.{}", self.field), rule: self.rule }
    }
}
