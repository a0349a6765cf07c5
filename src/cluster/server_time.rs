//! The time by the clock of the API server, which writes the times that are compared with it.

use std::sync::atomic::{AtomicI64, Ordering};

use k8s_openapi::jiff::fmt::rfc2822::DateTimeParser;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// How far this machine's clock may be off before that counts, in seconds: answers take a moment, and have no
/// fractions.
const TOLERANCE: i64 = 10;

/// How many seconds the API server is ahead of this machine, as far as that is known and counts.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// The time now. Without any answer of an API server yet, this machine's word has to do.
#[must_use]
pub fn now() -> Timestamp {
    let ahead = SignedDuration::from_secs(AHEAD.load(Ordering::Relaxed));
    let here = Timestamp::now();
    here.checked_add(ahead).unwrap_or(here)
}

/// Notes the time of an API server, by the header `Date`.
pub(crate) fn record_server_date(date: &[u8]) {
    let Ok(there) = DateTimeParser::new().parse_timestamp(date) else {
        return;
    };
    let ahead = there.duration_since(Timestamp::now()).as_secs();
    let counts = ahead.abs() > TOLERANCE;
    AHEAD.store(if counts { ahead } else { 0 }, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_servers_time_counts_where_this_machines_is_wrong() {
        let distance = || now().duration_since(Timestamp::now()).as_secs();
        record_server_date(b"not a date");
        assert_eq!(distance(), 0);
        record_server_date(b"Fri, 01 Jan 2100 12:00:00 GMT");
        assert_eq!(now().strftime("%Y-%m-%d").to_string(), "2100-01-01");
        let slow = Timestamp::now() - SignedDuration::from_secs(TOLERANCE / 2);
        record_server_date(slow.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string().as_bytes());
        assert_eq!(distance(), 0);
    }
}
