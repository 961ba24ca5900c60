//! What somebody sees who trusts nobody: the chain's calldata and events, the verifying key, and the viewing keys he was given.
//!
//! Nothing here asks the operator. Market leaves come from the oracle role's calldata and must have the root that the contract
//! accepted; batches come from calldata and are verified again; an account is read with its viewing key, and what was decrypted must hash to
//! the leaf that the proof is about.
//!
//! | file | what |
//! |---|---|
//! | [`chain`] | batches and markets, read from L1 and verified again |
//! | [`unpack`] | words back into market leaves, balances and positions |
//! | [`open`] | an account's leaf, opened with its viewing key |
//! | [`audit`] | the audit line: money adds up, lots net to zero |

pub mod audit;
pub mod chain;
pub mod open;
pub mod unpack;
