//! Civil dates and Unix seconds, in UTC.
//!
//! Only what instrument names and data files need: day counts by the proleptic Gregorian calendar, no leap seconds, no zones
//! but UTC.

use std::fmt;
use std::str::FromStr;

/// Seconds of a day.
pub const DAY: i64 = 86_400;
/// Seconds of an hour.
pub const HOUR: i64 = 3_600;
/// Seconds after midnight UTC at which dated instruments expire and daily settlement takes place.
pub const EXPIRY_SECOND: i64 = 8 * HOUR;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// A day between 1970-01-01 and 2069-12-31: two-digit years of instrument names mean these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Year, 1970 to 2069.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
}

/// What is not a date or a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// A name's date is day, month and two-digit year.
    #[error("`{0}` is not a date like 27MAR26 or 6FEB26")]
    Name(String),
    /// A time stamp is RFC 3339 in UTC.
    #[error("`{0}` is not a time like 2026-03-27T08:00:00+00:00 (UTC only)")]
    Stamp(String),
    /// A day that its month does not have, or a year that two digits cannot name.
    #[error("there is no day {year}-{month}-{day} between 1970 and 2069")]
    NoSuchDay {
        /// Year.
        year: i64,
        /// Month.
        month: i64,
        /// Day.
        day: i64,
    },
}

impl Date {
    /// Checks that the day exists.
    ///
    /// # Errors
    /// [`CalendarError::NoSuchDay`].
    pub fn new(year: i64, month: i64, day: i64) -> Result<Date, CalendarError> {
        let refused = CalendarError::NoSuchDay { year, month, day };
        if !(1970..=2069).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return Err(refused);
        }
        Ok(Date { year: year as u16, month: month as u8, day: day as u8 })
    }

    /// Days since 1970-01-01.
    ///
    /// Counts years from March, so that the leap day is the last of its year.
    pub fn days(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let from_march = (month + 9) % 12;
        let in_year = (153 * from_march + 2) / 5 + day - 1;
        let leaps = year / 4 - year / 100 + year / 400;
        // 719,468 days lie between 0000-03-01 and 1970-01-01.
        365 * year + leaps + in_year - 719_468
    }

    /// The day that a moment falls on.
    ///
    /// # Errors
    /// [`CalendarError::NoSuchDay`] outside 1970 to 2069.
    pub fn of_seconds(seconds: i64) -> Result<Date, CalendarError> {
        let days = seconds.div_euclid(DAY);
        // A year too early at most, by the mean length of the Gregorian year; then walk.
        let mut year = 1970 + days * 400 / 146_097;
        while year_start(year + 1) <= days {
            year += 1;
        }
        while year_start(year) > days {
            year -= 1;
        }
        let mut rest = days - year_start(year);
        let mut month = 1;
        while rest >= days_in_month(year, month) {
            rest -= days_in_month(year, month);
            month += 1;
        }
        Date::new(year, month, rest + 1)
    }

    /// When an instrument of this date expires: 08:00 UTC, in Unix seconds.
    pub fn expiry(self) -> i64 {
        self.days() * DAY + EXPIRY_SECOND
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of January.
fn year_start(year: i64) -> i64 {
    let before = year - 1;
    365 * (year - 1970) + (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400)
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:02}", self.day, MONTHS[usize::from(self.month) - 1], self.year % 100)
    }
}

impl FromStr for Date {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Date, CalendarError> {
        let refused = || CalendarError::Name(text.to_owned());
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
        let (day, rest) = text.split_at(split);
        let (month, year) = (rest.get(..3).ok_or_else(refused)?, rest.get(3..).ok_or_else(refused)?);
        let month = MONTHS.iter().position(|m| *m == month).ok_or_else(refused)? as i64 + 1;
        if day.is_empty() || day.len() > 2 || day.starts_with('0') || year.len() != 2 {
            return Err(refused());
        }
        let day: i64 = day.parse().map_err(|_| refused())?;
        let year = digits(year).ok_or_else(refused)?;
        Date::new(if year < 70 { 2000 + year } else { 1900 + year }, month, day)
    }
}

/// Unix seconds of an RFC 3339 time in UTC; fractions of a second are cut off.
///
/// # Errors
/// [`CalendarError::Stamp`], or [`CalendarError::NoSuchDay`].
pub fn parse_stamp(text: &str) -> Result<i64, CalendarError> {
    let refused = || CalendarError::Stamp(text.to_owned());
    let field = |range: std::ops::Range<usize>| text.get(range).and_then(digits).ok_or_else(refused);
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, byte)| text.as_bytes().get(*at) != Some(byte)) {
        return Err(refused());
    }
    let date = Date::new(field(0..4)?, field(5..7)?, field(8..10)?)?;
    let (hour, minute, second) = (field(11..13)?, field(14..16)?, field(17..19)?);
    let mut tail = text.get(19..).ok_or_else(refused)?;
    if let Some(fraction) = tail.strip_prefix('.') {
        tail = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    if hour > 23 || minute > 59 || second > 59 || !matches!(tail, "Z" | "+00:00") {
        return Err(refused());
    }
    Ok(date.days() * DAY + hour * HOUR + minute * 60 + second)
}

fn digits(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A moment as `2026-03-27 08:00:00 UTC`; the plain seconds where no date can name it.
pub fn show(seconds: i64) -> String {
    let Ok(date) = Date::of_seconds(seconds) else { return format!("{seconds} s") };
    let (in_day, y, m, d) = (seconds.rem_euclid(DAY), date.year, date.month, date.day);
    format!("{y}-{m:02}-{d:02} {:02}:{:02}:{:02} UTC", in_day / HOUR, in_day % HOUR / 60, in_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_through_leap_years() {
        // Known days: the epoch, the leap day of 2000, and a date of the data sets.
        for (y, m, d, days) in [(1970, 1, 1, 0), (2000, 2, 29, 11_016), (2000, 3, 1, 11_017), (2026, 3, 27, 20_539)] {
            let date = Date::new(y, m, d).unwrap();
            assert_eq!(date.days(), days, "{date}");
            assert_eq!(Date::of_seconds(days * DAY + DAY - 1), Ok(date));
        }
    }

    #[test]
    fn every_day_of_a_century_round_trips() {
        let last = Date::new(2069, 12, 31).unwrap().days();
        for days in 0..=last {
            let date = Date::of_seconds(days * DAY).unwrap();
            assert_eq!(date.days(), days);
            assert_eq!(date.to_string().parse(), Ok(date));
        }
        assert_eq!(Date::of_seconds((last + 1) * DAY), Err(CalendarError::NoSuchDay { year: 2070, month: 1, day: 1 }));
    }

    #[test]
    fn names_that_are_no_dates_are_refused() {
        for text in ["", "27", "MAR26", "027MAR26", "27mar26", "27MAR2026", "27MAR2", "271MAR26", "27XYZ26", "27MÄR26"]
        {
            assert_eq!(text.parse::<Date>(), Err(CalendarError::Name(text.to_owned())));
        }
        assert_eq!("29FEB26".parse::<Date>(), Err(CalendarError::NoSuchDay { year: 2026, month: 2, day: 29 }));
    }

    #[test]
    fn stamps_are_read_in_utc_alone() {
        assert_eq!(parse_stamp("1970-01-01T00:00:01Z"), Ok(1));
        assert_eq!(parse_stamp("2025-12-30T17:31:15.944181+00:00"), Ok(1_767_115_875));
        for text in ["2025-12-30T17:31:15", "2025-12-30 17:31:15Z", "2025-12-30T24:00:00Z", "2025-12-30T17:31:15+01:00"]
        {
            assert_eq!(parse_stamp(text), Err(CalendarError::Stamp(text.to_owned())));
        }
    }
}
