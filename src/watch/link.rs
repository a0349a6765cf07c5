//! Whether what a watch has reported can be relied on.

use k8s_openapi::jiff::Timestamp;
use tokio::time::{Duration, Instant};

use crate::cluster::Fault;

/// How long a refusal has to last before it is believed. An API server that has just started takes requests before it
/// has read the roles, and forbids everything until then.
const DOUBT: Duration = Duration::from_secs(5);

/// The state of one watch.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Whether it has followed since it last listed everything.
    is_known: bool,
    lost: Option<Lost>,
}

/// A watch that is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost {
    /// Since when.
    pub(super) since: Timestamp,
    /// Since when the API server refuses it, if it does.
    pub(super) refused: Option<Instant>,
}

impl Link {
    /// Notes that every change is reported from here on.
    pub(super) fn follow(&mut self) {
        *self = Self {
            is_known: true,
            lost: None,
        };
    }

    /// Notes that the watch is interrupted. The store keeps its objects until a refusal is certain; this then returns
    /// `true`, and the caller must clear the store.
    pub(super) fn lose(&mut self, fault: &Fault, now: Timestamp) -> bool {
        let refused = matches!(fault, Fault::Refused { .. }) && !fault.is_expired();
        let before = self.lost;
        let since = before.map_or(now, |lost| lost.since);
        let refused = refused.then(|| before.and_then(|lost| lost.refused).unwrap_or_else(Instant::now));
        self.lost = Some(Lost { since, refused });
        let is_over = self.is_refused();
        self.is_known &= !is_over;
        is_over
    }

    /// Whether everything was reported that there is, up to now or up to when the watch was cut off.
    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    /// The interruption of a watch that has followed before.
    pub(super) fn lost(&self) -> Option<Lost> {
        self.lost.filter(|_| self.is_known)
    }

    /// Whether nothing will be reported, since the account may not watch.
    pub(super) fn is_refused(&self) -> bool {
        let since = self.lost.and_then(|lost| lost.refused);
        since.is_some_and(|since| since.elapsed() >= DOUBT)
    }

    /// Whether the last try to watch failed: nothing will be reported for a moment.
    pub(super) fn has_failed(&self) -> bool {
        self.lost.is_some()
    }

    /// Whether the API server refused the last try to watch: nothing will be reported for a while.
    pub(super) fn is_turned_away(&self) -> bool {
        self.lost.is_some_and(|lost| lost.refused.is_some())
    }

    /// Takes the watch for one that the account may not have.
    #[cfg(test)]
    pub(super) fn refuse(&mut self) {
        self.is_known = false;
        self.lost = Some(Lost {
            since: Timestamp::UNIX_EPOCH,
            refused: Instant::now().checked_sub(DOUBT),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16) -> Fault {
        Fault::Refused {
            code,
            reason: String::new(),
            message: String::new(),
        }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[tokio::test(start_paused = true)]
    async fn objects_stay_known_until_a_refusal_has_lasted() {
        let mut link = Link::default();
        link.follow();
        assert!(!link.lose(&refused(403), second(10)));
        assert!(link.is_known() && !link.is_refused());
        tokio::time::advance(DOUBT).await;
        assert!(link.lose(&refused(403), second(15)));
        assert!(!link.is_known() && link.is_refused());
        link.follow();
        assert!(link.is_known() && link.lost().is_none() && !link.is_refused());
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_refusal_without_interruption_is_believed() {
        let mut link = Link::default();
        link.follow();
        for fault in [refused(403), Fault::transient("away"), refused(403), refused(410)] {
            assert!(!link.lose(&fault, second(0)), "{fault}");
            tokio::time::advance(DOUBT).await;
        }
        assert_eq!(link.lost().map(|lost| lost.since), Some(second(0)));
    }

    #[test]
    fn a_watch_that_has_never_followed_has_lost_nothing() {
        let mut link = Link::default();
        assert!(!link.lose(&Fault::transient("away"), second(0)));
        assert!(!link.is_known() && link.lost().is_none());
    }
}
