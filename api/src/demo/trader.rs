//! A trader: keys, order slots, nonces, signatures.

use alloy::primitives::Address;
use ark_bn254::Fr;
use novation_state::crypto::babyjub::Point;
use novation_state::crypto::eddsa::{SecretKey, Signature};
use novation_state::crypto::viewing::ViewingKey;
use novation_state::message::{Action, Binding, Command, Order, Side};
use novation_state::transition::SignedCommand;
use novation_state::units::{AccountSlot, Cash, Fee, InstrumentId, Lots, Ticks, Time};
use sha3::{Digest, Sha3_256};

/// Order slots that orders use in turn; the last one is left for commands.
const ORDER_SLOTS: u32 = 255;
/// The order slot of commands.
const COMMAND_SLOT: u8 = 255;

/// Somebody with an account.
pub struct Trader {
    /// Name, in the demo's output.
    pub name: String,
    /// Account on L1.
    pub address: Address,
    /// Account slot, known once the contract has assigned one.
    pub slot: AccountSlot,
    key: SecretKey,
    /// Reads the account.
    pub viewing: ViewingKey,
    messages: u32,
}

/// What a trader wants.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Side.
    pub side: Side,
    /// Most lots.
    pub lots: Lots,
    /// Worst price.
    pub limit: Ticks,
    /// Not worse than the mark plus so many ticks.
    pub peg: Option<i64>,
    /// Last second at which it may be filled.
    pub valid_until: Time,
    /// Most fee per lot.
    pub fee_cap: Fee,
    /// May only shrink the position.
    pub reduce_only: bool,
}

impl Trader {
    /// A trader whose keys follow from the run's seed and the name. Slot 0, the house's, stands for "not assigned yet".
    pub fn new(seed: u64, name: &str, address: Address) -> Trader {
        let secret = seed_bytes(seed, name);
        Trader {
            name: name.to_owned(),
            address,
            slot: AccountSlot::ZERO,
            key: SecretKey::from_seed(&secret),
            viewing: ViewingKey::from_seed(&secret),
            messages: 0,
        }
    }

    /// One eighth of the owner key and of the viewing key, as deposits carry them.
    pub fn eighths(&self) -> [Point; 2] {
        [self.key.public(), self.viewing.public()].map(|key| key.eighth().expect("own keys lie in the subgroup"))
    }

    /// Nonces count the account's messages; order slots are used in turn.
    fn binding(&mut self, deployment: Fr, slot: Option<u8>) -> Binding {
        self.messages += 1;
        let turn = u8::try_from(self.messages % ORDER_SLOTS).expect("below 255");
        let order_slot = slot.unwrap_or(turn);
        Binding { deployment, account: self.slot, order_slot, nonce: self.messages, epoch: 0 }
    }

    /// Signs an order.
    pub fn order(&mut self, deployment: Fr, wish: &Wish) -> (Order, Signature) {
        let order = Order {
            binding: self.binding(deployment, None),
            instrument: wish.instrument,
            side: wish.side,
            lots: wish.lots,
            limit: wish.limit,
            peg_offset: wish.peg,
            valid_until: wish.valid_until,
            fee_cap: wish.fee_cap,
            reduce_only: wish.reduce_only,
        };
        (order, self.key.sign(order.hash()))
    }

    /// Signs a withdrawal to the trader's own account on L1.
    pub fn withdraw(&mut self, deployment: Fr, chain: u64, amount: Cash) -> SignedCommand {
        let binding = self.binding(deployment, Some(COMMAND_SLOT));
        let action = Action::Withdraw { amount, recipient: self.address.into(), chain };
        let command = Command { binding, action };
        SignedCommand { command, signature: self.key.sign(command.hash()), possession: None }
    }
}

/// 32 secret bytes for a name, from the run's seed. Good enough for a demo whose seed is printed, and for nothing else.
pub fn seed_bytes(seed: u64, name: &str) -> [u8; 32] {
    let mut hasher = Sha3_256::new();
    hasher.update(b"novation demo 1");
    hasher.update(seed.to_be_bytes());
    hasher.update(name);
    hasher.finalize().into()
}
