//! Services that have failed and were kept for a while: they are deleted when their time is up.

use std::collections::HashMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;
use tokio::time::{Duration, Instant, timeout};

use super::store::Kept;
use crate::api::{Api, Deleted, Fault};

/// How long one deletion may take.
const DELETION: Duration = Duration::from_secs(5);

/// After which time to try again what could not be deleted, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(5));

/// The deletions of a namespace.
#[derive(Default)]
pub(super) struct Sweeper {
    /// When to try again, and how long to wait after that, by the uid of what could not be deleted.
    failed: HashMap<Box<str>, (Instant, Duration)>,
}

impl Sweeper {
    /// Deletes the services whose time is up, and returns the uids of those that are gone. One that cannot be deleted
    /// holds up no other.
    pub(super) async fn sweep<A: Api>(
        &mut self,
        api: &A,
        namespace: &str,
        kept: &[Kept],
        now: Timestamp,
    ) -> Vec<Box<str>> {
        self.failed.retain(|uid, _| kept.iter().any(|kept| kept.uid == *uid));
        let mut gone = Vec::new();
        for service in kept.iter().filter(|service| service.until <= now) {
            let last = self.failed.get(&service.uid).copied();
            if last.is_some_and(|(next, _)| Instant::now() < next) {
                continue;
            }
            // Somebody may have taken it over since: what was changed is left alone until the watch reports how.
            let deleting =
                api.delete_unchanged::<StatefulSet>(namespace, &service.name, &service.uid, &service.version);
            match timeout(DELETION, deleting).await {
                // Its Service goes with it.
                Ok(Ok(Deleted::Gone | Deleted::Terminating)) => {
                    self.failed.remove(&service.uid);
                    gone.push(service.uid.clone());
                }
                Ok(Err(Fault::Changed)) => {}
                Ok(Err(_)) | Err(_) => {
                    let (first, most) = AGAIN;
                    let pause = last.map_or(first, |(_, pause)| (pause * 2).min(most));
                    self.failed.insert(service.uid.clone(), (Instant::now() + pause, pause));
                }
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{Begun, Scripted, forbidden};
    use super::*;

    fn kept(name: &str) -> Kept {
        Kept {
            until: second(60),
            name: name.to_owned(),
            uid: format!("uid of {name}").into(),
            version: "7".into(),
        }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn cluster(delete: fn(&str) -> Result<Deleted, Fault>) -> Scripted {
        Scripted::with_deletions(|_, _| Ok(()), |_, _| Begun::Stays, move |name, _| delete(name))
    }

    /// Sweeps every five seconds for some time, and returns what is gone.
    async fn swept(api: &Scripted, mut kept: Vec<Kept>, seconds: u64) -> Vec<Box<str>> {
        let mut sweeper = Sweeper::default();
        let mut all = Vec::new();
        for _ in 0..seconds / 5 {
            let gone = sweeper.sweep(api, "flyte", &kept, second(100)).await;
            kept.retain(|kept| !gone.contains(&kept.uid));
            all.extend(gone);
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_is_deleted_at_the_version_that_says_so() {
        let api = cluster(|_| Ok(Deleted::Gone));
        let later = Kept {
            until: second(101),
            ..kept("later")
        };
        assert_eq!(swept(&api, vec![kept("foo"), later], 5).await, ["uid of foo".into()]);
        assert_eq!(api.asked("delete")[0].1, "delete foo uid of foo at 7");
        assert_eq!(api.asked("delete").len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_cannot_be_deleted_holds_up_no_other_and_is_tried_less_and_less() {
        let delete = |name: &str| {
            if name == "foo" {
                Err(forbidden())
            } else {
                Ok(Deleted::Gone)
            }
        };
        let api = cluster(delete);
        let gone = swept(&api, vec![kept("foo"), kept("hangs"), kept("bar")], 3600).await;
        assert_eq!(gone, ["uid of bar".into()]);
        assert!(api.asked("delete bar")[0].0 < Duration::from_secs(10));
        let tries = api.asked("delete foo").len();
        assert!((10..25).contains(&tries), "{tries}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_changed_in_between_is_left_alone_until_that_is_reported() {
        let api = cluster(|_| Err(Fault::Changed));
        assert!(swept(&api, vec![kept("foo")], 10).await.is_empty());
    }
}
