//! The handlers, by subject.

pub mod account;
pub mod accounts;
pub mod batches;
pub mod events;
pub mod markets;
pub mod messages;
pub mod venue;

use serde::Deserialize;
use utoipa::IntoParams;

/// Entries of a list, unless asked for otherwise.
const PAGE: usize = 100;
/// Most entries of a list.
const LONGEST_PAGE: usize = 500;

/// Where a list goes on: below 2^63, as the document says of every 64-bit number.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u64")]
pub struct Cursor(u64);

impl TryFrom<u64> for Cursor {
    type Error = &'static str;

    fn try_from(after: u64) -> Result<Cursor, &'static str> {
        i64::try_from(after).map(|_| Cursor(after)).map_err(|_| "2^63 or more")
    }
}

/// Which part of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paged {
    /// Entries behind this one; without it the last ones.
    #[param(value_type = Option<i64>, minimum = 0)]
    pub after: Option<Cursor>,
    /// Most entries, 100 unless given; never more than 500.
    #[param(minimum = 0, maximum = 4_294_967_295_u32)]
    pub limit: Option<u32>,
}

impl Paged {
    fn after(&self) -> Option<u64> {
        self.after.map(|Cursor(after)| after)
    }

    fn limit(&self) -> usize {
        limit(self.limit)
    }
}

fn limit(asked: Option<u32>) -> usize {
    asked.map_or(PAGE, |asked| (asked as usize).min(LONGEST_PAGE))
}
