//! What traders send.

use super::{AddressHex, FieldError, Micro, PointJson, SignatureHex, Word};
use novation_sequencer::{Execution, SignedOrder};
use novation_state::message::{Action, Binding, Command, Order, Side};
use novation_state::transition::SignedCommand;
use novation_state::units::{AccountSlot, Amount, Cash, Fee, InstrumentId, Lots, Ticks, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which side of the trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SideName {
    /// Pays the price, receives the lots.
    Buy,
    /// Receives the price, gives the lots.
    Sell,
}

impl From<Side> for SideName {
    fn from(side: Side) -> SideName {
        match side {
            Side::Buy => SideName::Buy,
            Side::Sell => SideName::Sell,
        }
    }
}

impl From<SideName> for Side {
    fn from(side: SideName) -> Side {
        match side {
            SideName::Buy => Side::Buy,
            SideName::Sell => Side::Sell,
        }
    }
}

/// How an order is to be executed. The last three are refused, each with the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionName {
    /// In every window until it is filled or `valid_until` is over.
    #[default]
    UntilValid,
    /// In the open window; what is not filled there lapses.
    ThisWindow,
    /// All or nothing: not offered.
    FillOrKill,
    /// Only if it does not trade at once: not offered.
    PostOnly,
    /// When the price reaches a trigger: not offered.
    Stop,
}

impl From<Execution> for ExecutionName {
    fn from(execution: Execution) -> ExecutionName {
        match execution {
            Execution::UntilValid => ExecutionName::UntilValid,
            Execution::ThisWindow => ExecutionName::ThisWindow,
            Execution::FillOrKill => ExecutionName::FillOrKill,
            Execution::PostOnly => ExecutionName::PostOnly,
            Execution::Stop => ExecutionName::Stop,
        }
    }
}

impl From<ExecutionName> for Execution {
    fn from(execution: ExecutionName) -> Execution {
        match execution {
            ExecutionName::UntilValid => Execution::UntilValid,
            ExecutionName::ThisWindow => Execution::ThisWindow,
            ExecutionName::FillOrKill => Execution::FillOrKill,
            ExecutionName::PostOnly => Execution::PostOnly,
            ExecutionName::Stop => Execution::Stop,
        }
    }
}

/// A signed order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// Deployment id, from `GET /v1/venue`.
    pub deployment: Word,
    /// Account slot, below 2^24.
    #[schema(value_type = i64, minimum = 0, maximum = 16_777_215)]
    pub account: AccountSlot,
    /// Order slot that remembers the message. An order replaces the one before it in its slot.
    #[schema(value_type = u8, minimum = 0, maximum = 255)]
    pub order_slot: u8,
    /// Greater than every nonce that the order slot has seen.
    #[schema(value_type = u32, minimum = 0, maximum = 4_294_967_295_u32)]
    pub nonce: u32,
    /// The account's cancel epoch.
    #[schema(value_type = u32, minimum = 0, maximum = 4_294_967_295_u32)]
    pub epoch: u32,
    /// Instrument id.
    #[schema(value_type = i64, minimum = 0, maximum = 1_048_575)]
    pub instrument: InstrumentId,
    /// Side.
    pub side: SideName,
    /// Most lots that may be filled, at least 1, below 2^40.
    #[schema(value_type = i64, minimum = 1, maximum = 1_099_511_627_775_i64)]
    pub lots: Lots,
    /// Worst price, in ticks, below 2^32.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_i64)]
    pub limit: Ticks,
    /// If given, the price is also not worse than the mark plus this many ticks; below 2^32 either way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -4_294_967_295_i64, maximum = 4_294_967_295_i64)]
    pub peg_offset: Option<i64>,
    /// Last second at which it may be filled, Unix time, below 2^40.
    #[schema(value_type = i64, minimum = 0, maximum = 1_099_511_627_775_i64)]
    pub valid_until: Time,
    /// Most that may be charged per lot, micro-units, below 2^32.
    pub fee_cap: Micro,
    /// May only shrink the position.
    #[serde(default)]
    pub reduce_only: bool,
    /// How it is to be executed. Not part of what is signed.
    #[serde(default)]
    pub execution: ExecutionName,
    /// By the account's owner, of the order's message hash.
    pub signature: SignatureHex,
}

impl OrderRequest {
    /// The order that the sequencer takes.
    ///
    /// # Errors
    /// [`FieldError`] for a fee cap outside its range.
    pub fn signed(&self) -> Result<SignedOrder, FieldError> {
        let Self { deployment, account, order_slot, nonce, epoch, .. } = *self;
        let order = Order {
            binding: Binding { deployment: deployment.0, account, order_slot, nonce, epoch },
            instrument: self.instrument,
            side: self.side.into(),
            lots: self.lots,
            limit: self.limit,
            peg_offset: self.peg_offset,
            valid_until: self.valid_until,
            fee_cap: fee_cap(self.fee_cap)?,
            reduce_only: self.reduce_only,
        };
        Ok(SignedOrder { order, signature: self.signature.0, execution: self.execution.into() })
    }
}

impl From<&SignedOrder> for OrderRequest {
    fn from(signed: &SignedOrder) -> OrderRequest {
        let SignedOrder { order, signature, execution } = *signed;
        let Binding { deployment, account, order_slot, nonce, epoch } = order.binding;
        OrderRequest {
            deployment: Word(deployment),
            account,
            order_slot,
            nonce,
            epoch,
            instrument: order.instrument,
            side: order.side.into(),
            lots: order.lots,
            limit: order.limit,
            peg_offset: order.peg_offset,
            valid_until: order.valid_until,
            fee_cap: Micro(order.fee_cap.wide()),
            reduce_only: order.reduce_only,
            execution: execution.into(),
            signature: SignatureHex(signature),
        }
    }
}

fn fee_cap(cap: Micro) -> Result<Fee, FieldError> {
    Fee::try_from(cap.0).map_err(|error| FieldError::new("fee_cap", error))
}

/// What a command does: an object with one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ActionJson {
    /// Pays exactly `amount` to `recipient`.
    Withdraw {
        /// Micro-units, more than 0.
        amount: Micro,
        /// Who may claim it on L1.
        recipient: AddressHex,
        /// Chain id, from `GET /v1/venue`.
        #[schema(value_type = u64, minimum = 0)]
        chain: u64,
    },
    /// Ends the order that has this order slot and nonce.
    Cancel {},
    /// Raises the cancel epoch: ends every order of the account.
    Epoch {},
    /// Replaces the owner key and raises the cancel epoch.
    Rotate {
        /// One eighth of the new owner key.
        owner_eighth: PointJson,
    },
}

/// A signed command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandRequest {
    /// Deployment id, from `GET /v1/venue`.
    pub deployment: Word,
    /// Account slot, below 2^24.
    #[schema(value_type = i64, minimum = 0, maximum = 16_777_215)]
    pub account: AccountSlot,
    /// Order slot that remembers the message; for a cancellation, that of the order.
    #[schema(value_type = u8, minimum = 0, maximum = 255)]
    pub order_slot: u8,
    /// Greater than every nonce that the order slot has seen; for a cancellation, that of the order.
    #[schema(value_type = u32, minimum = 0, maximum = 4_294_967_295_u32)]
    pub nonce: u32,
    /// The account's cancel epoch.
    #[schema(value_type = u32, minimum = 0, maximum = 4_294_967_295_u32)]
    pub epoch: u32,
    /// What it does.
    pub action: ActionJson,
    /// By the account's owner, of the command's message hash.
    pub signature: SignatureHex,
    /// For a rotation: by the new key, of the same hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possession: Option<SignatureHex>,
}

impl CommandRequest {
    /// The command that the sequencer takes.
    ///
    /// # Errors
    /// [`FieldError`] for an amount outside its range, and for a possession signature where there is nothing to possess: it would be
    /// part of the log's digest without saying anything.
    pub fn signed(&self) -> Result<SignedCommand, FieldError> {
        let Self { deployment, account, order_slot, nonce, epoch, .. } = *self;
        let action = match &self.action {
            ActionJson::Withdraw { amount, recipient, chain } => {
                let amount = Cash::try_from(amount.0).map_err(|e| FieldError::new("action.withdraw.amount", e))?;
                Action::Withdraw { amount, recipient: recipient.0, chain: *chain }
            }
            ActionJson::Cancel {} => Action::Cancel,
            ActionJson::Epoch {} => Action::Epoch,
            ActionJson::Rotate { owner_eighth } => Action::Rotate { owner_eighth: (*owner_eighth).into() },
        };
        if self.possession.is_some() && !matches!(action, Action::Rotate { .. }) {
            return Err(FieldError::new("possession", "only a rotation has a second signature"));
        }
        let binding = Binding { deployment: deployment.0, account, order_slot, nonce, epoch };
        let possession = self.possession.map(|signature| signature.0);
        Ok(SignedCommand { command: Command { binding, action }, signature: self.signature.0, possession })
    }
}

impl From<Action> for ActionJson {
    fn from(action: Action) -> ActionJson {
        match action {
            Action::Withdraw { amount, recipient, chain } => {
                ActionJson::Withdraw { amount: Micro(amount.get()), recipient: AddressHex(recipient), chain }
            }
            Action::Cancel => ActionJson::Cancel {},
            Action::Epoch => ActionJson::Epoch {},
            Action::Rotate { owner_eighth } => ActionJson::Rotate { owner_eighth: owner_eighth.into() },
        }
    }
}

impl From<&SignedCommand> for CommandRequest {
    fn from(signed: &SignedCommand) -> CommandRequest {
        let SignedCommand { command, signature, possession } = *signed;
        let Binding { deployment, account, order_slot, nonce, epoch } = command.binding;
        CommandRequest {
            deployment: Word(deployment),
            account,
            order_slot,
            nonce,
            epoch,
            action: command.action.into(),
            signature: SignatureHex(signature),
            possession: possession.map(SignatureHex),
        }
    }
}

/// Keys and amount of an account to open, or of a deposit into one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpeningRequest {
    /// Public key that will sign orders and commands.
    pub owner: PointJson,
    /// Public key to which the account's leaf will be encrypted.
    pub viewing: PointJson,
    /// Micro-units to deposit, more than 0, below 2^96.
    pub amount: Micro,
    /// The account to deposit into, which must have these keys; without it the contract assigns the next free slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 16_777_215)]
    pub slot: Option<AccountSlot>,
}

impl OpeningRequest {
    /// The amount.
    ///
    /// # Errors
    /// [`FieldError`] for an amount outside its range, and for nothing.
    pub fn amount(&self) -> Result<Amount, FieldError> {
        let amount = Amount::try_from(self.amount.0).map_err(|e| FieldError::new("amount", e))?;
        if amount == Amount::ZERO {
            return Err(FieldError::new("amount", "a deposit is of more than 0 micro-units"));
        }
        Ok(amount)
    }
}

/// An order to think about, unsigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatIfOrder {
    /// Instrument id.
    #[schema(value_type = i64, minimum = 0, maximum = 1_048_575)]
    pub instrument: InstrumentId,
    /// Side.
    pub side: SideName,
    /// Lots, at least 1.
    #[schema(value_type = i64, minimum = 1, maximum = 1_099_511_627_775_i64)]
    pub lots: Lots,
    /// Worst price, in ticks.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_i64)]
    pub limit: Ticks,
    /// If given, the price is also not worse than the mark plus this many ticks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -4_294_967_295_i64, maximum = 4_294_967_295_i64)]
    pub peg_offset: Option<i64>,
    /// Most that may be charged per lot, micro-units; without it whatever the market takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_cap: Option<Micro>,
    /// May only shrink the position.
    #[serde(default)]
    pub reduce_only: bool,
}

impl WhatIfOrder {
    /// The order of an account, as it would be signed, valid for ever. What an order must be by itself is for
    /// [`well_formed`](novation_sequencer::well_formed) to say.
    ///
    /// # Errors
    /// [`FieldError`] for a fee cap outside its range.
    pub fn order(&self, binding: Binding) -> Result<Order, FieldError> {
        Ok(Order {
            binding,
            instrument: self.instrument,
            side: self.side.into(),
            lots: self.lots,
            limit: self.limit,
            peg_offset: self.peg_offset,
            valid_until: Time::MAX,
            fee_cap: self.fee_cap.map_or(Ok(Fee::MAX), fee_cap)?,
            reduce_only: self.reduce_only,
        })
    }
}

/// Orders to think about, in the order in which they would be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatIfRequest {
    /// At most 32.
    #[schema(min_items = 1, max_items = 32)]
    pub orders: Vec<WhatIfOrder>,
}
