//! What the WebSocket at `/v1/events` says.

use super::{AuctionView, CommandView, FillView, Moment, OrderView, StageName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a client may say, once: the credential of a signed read, to hear of the own account too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// As in the header: `Novation <account>.<expires>.<signature>`.
    pub authorization: String,
}

/// One message of the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Event {
    /// For everybody.
    Public(PublicEvent),
    /// For the account's owner.
    Account(AccountEvent),
}

/// What everybody hears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PublicEvent {
    /// A window is over.
    Window {
        /// Its number.
        window: i64,
        /// When, Unix seconds.
        time: i64,
    },
    /// An auction, published with its batch.
    Auction {
        /// The auction.
        auction: AuctionView,
    },
    /// A batch reached a stage.
    Batch {
        /// Its number.
        number: u64,
        /// The stage.
        stage: StageName,
        /// When and where.
        moment: Moment,
    },
    /// A markets round.
    Markets {
        /// Number of the root.
        number: u32,
        /// Time of the round, Unix seconds.
        time: i64,
    },
}

/// What the owner of an account hears besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AccountEvent {
    /// The credential was accepted: the account's events follow.
    Subscribed {
        /// The account.
        account: i64,
        /// Until when, Unix seconds.
        expires: i64,
    },
    /// Something is known of an order.
    Order {
        /// The order as it is now.
        order: OrderView,
    },
    /// A fill.
    Fill {
        /// The fill.
        fill: FillView,
    },
    /// Something is known of a command.
    Command {
        /// The command as it is now.
        command: CommandView,
    },
    /// A batch with something of the account: read it again.
    Account {
        /// The batch.
        batch: u64,
    },
}
