//! The leaves of the two trees and their packed words, the same words that are hashed, encrypted and published.

mod account;
mod house;
mod market;
mod order_slot;

pub use account::{AccountLeaf, Position, CHUNK, CIPHERTEXT_WORDS, MAX_POSITIONS, POSITION_WORD_BITS};
pub use house::{HouseLeaf, HOUSE_CIPHERTEXT_WORDS};
pub use market::{pack_fields, Kind, MarketLeaf, Status, NEVER, SCENARIOS, SIGNED_SPACING};
pub use order_slot::{OrderSlot, FILLED_BITS};
