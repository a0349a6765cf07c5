//! The time by the clock of the API server, which writes the times that are compared with it.

use std::sync::atomic::{AtomicI64, Ordering};

use k8s_openapi::jiff::fmt::rfc2822::DateTimeParser;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// How far this machine's clock may be off before that counts: answers take a moment, and have no fractions.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(10);

/// How far a header may differ from what is known of the clock: by the fraction of the second that it leaves out, and
/// by the time that the answer took.
const NO_NEWS: SignedDuration = SignedDuration::from_millis(1500);

/// How many nanoseconds the API server is ahead of this machine, as far as that is known and counts.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// The time now. Without any answer of an API server yet, this machine's word has to do.
#[must_use]
pub fn now() -> Timestamp {
    let here = Timestamp::now();
    here.checked_add(ahead()).unwrap_or(here)
}

fn ahead() -> SignedDuration {
    SignedDuration::from_nanos(AHEAD.load(Ordering::Relaxed))
}

/// Notes the time of an API server, by the header `Date`.
pub(crate) fn record_server_date(date: &[u8]) {
    let Ok(there) = DateTimeParser::new().parse_timestamp(date) else {
        return;
    };
    let found = there.duration_since(Timestamp::now());
    if (found - ahead()).abs() > NO_NEWS {
        record(found);
    }
}

/// Notes the time of an API server that is known to its fractions, such as one in this process.
pub fn record_server_time(there: Timestamp) {
    record(there.duration_since(Timestamp::now()));
}

fn record(ahead: SignedDuration) {
    let counts = ahead.abs() > TOLERANCE;
    let nanoseconds = i64::try_from(ahead.as_nanos()).unwrap_or_default();
    AHEAD.store(if counts { nanoseconds } else { 0 }, Ordering::Relaxed);
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
        let date = |time: Timestamp| time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let slow = Timestamp::now() - SignedDuration::from_secs(TOLERANCE.as_secs() / 2);
        record_server_date(date(slow).as_bytes());
        assert_eq!(distance(), 0);
        let fast = Timestamp::now() + SignedDuration::from_hours(16) + SignedDuration::from_millis(1);
        record_server_time(fast);
        record_server_date(date(fast).as_bytes());
        assert!(now() >= fast, "a header without fractions is no news");
    }
}
