//! The body of every answer that is no success.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong: nothing changed, unless the code is `unknown_outcome`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// Stable name of the rule.
    #[schema(example = "nonce_seen")]
    pub code: String,
    /// The field at fault, where there is one.
    #[schema(example = "nonce")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// For people: what is wrong, and what helps.
    pub message: String,
}
