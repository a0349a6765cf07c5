//! How long watches go on, and what they ask for meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::sleep;
use tracing::Level;

use super::super::scripted::{Begun, Scripted, forbidden};
use super::*;
use crate::cluster::Key;
use crate::swallowed::recorder::record;
use crate::watch::Cache;

#[tokio::test(start_paused = true)]
async fn a_watch_that_nobody_asks_about_ends_after_ten_minutes() {
    let start = Instant::now();
    NamespaceWatch::new(Arc::default())
        .run(&Scripted::quiet(), "flyte")
        .await;
    assert_eq!(start.elapsed().as_secs(), IDLE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_while_somebody_asks() {
    let watched = NamespaceWatch::new(Arc::default());
    let start = Instant::now();
    let asking = async {
        for _ in 0..3 {
            sleep(Duration::from_mins(9)).await;
            watched.look_up("foo", None);
        }
    };
    let api = Scripted::quiet();
    tokio::join!(watched.run(&api, "flyte"), asking);
    assert_eq!(start.elapsed().as_secs(), 27 * 60 + IDLE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn watches_end_with_the_cache_that_they_belong_to() {
    let (api, cache) = (Scripted::quiet(), Arc::new(Cache::default()));
    let key = Key::of_context(Some("any")).expect("a key");
    cache.watch(&key, &api, "flyte");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(api.holders(), 2);
    drop(cache);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(api.holders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_by_a_bug_begins_again_when_somebody_asks() {
    static LISTS: AtomicUsize = AtomicUsize::new(0);
    let (records, _guard) = record();
    let broken = |_: &str, _: usize| {
        let before = LISTS.fetch_add(1, Ordering::SeqCst);
        assert!(before > 0, "a bug");
        Ok(())
    };
    let (api, cache) = (Scripted::new(broken, |_, _| Begun::Stays), Arc::new(Cache::default()));
    let key = Key::of_context(Some("any")).expect("a key");
    cache.watch(&key, &api, "flyte");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(api.holders(), 1, "it has ended");
    let all = records.all();
    let errors: Vec<_> = all.iter().filter(|logged| logged.level == Level::ERROR).collect();
    let [logged] = errors[..] else { panic!("{all:?}") };
    assert_eq!(logged.field("namespace"), "flyte");
    assert!(
        logged
            .message
            .contains("has ended and will begin again. This is a bug in the plugin: a bug."),
        "{logged:?}"
    );
    cache.watch(&key, &api, "flyte");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(api.holders(), 2);
}

/// Runs a watched in which events are wanted every second for so many seconds, and returns whether they were known at
/// last.
async fn explained(api: &Scripted, seconds: u64) -> bool {
    let watched = NamespaceWatch::new(Arc::default());
    let mut is_settled = false;
    let asking = async {
        for _ in 0..seconds {
            // So many services are stuck, and so many polls ask at once.
            for _ in 0..100 {
                is_settled = watched.explanations.want();
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = watched.run(api, "flyte") => {}
        () = asking => {}
    }
    is_settled
}

#[tokio::test(start_paused = true)]
async fn events_are_listed_once_for_everybody() {
    let api = Scripted::quiet();
    assert!(explained(&api, 300).await);
    assert_eq!((api.asked("list Event").len(), api.asked("watch Event").len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_needs_are_not_read_and_those_that_nobody_needs_any_more_neither() {
    let api = Scripted::quiet();
    NamespaceWatch::new(Arc::default()).run(&api, "flyte").await;
    assert!(api.asked("list Event").is_empty());
    let watched = NamespaceWatch::new(Arc::default());
    let asking = async {
        assert!(!watched.explanations.want());
        sleep(Duration::from_secs(119)).await;
        assert!(watched.explanations.want(), "a moment before they are forgotten");
        sleep(Duration::from_secs(121)).await;
        assert!(!watched.explanations.want(), "and are read again");
    };
    tokio::join!(watched.run(&api, "flyte"), asking);
    assert_eq!(api.asked("list Event").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn events_that_may_only_be_listed_are_listed_from_time_to_time() {
    let refuses_events = |kind: &str, _: usize| {
        if kind == "Event" {
            Begun::Not(forbidden())
        } else {
            Begun::Stays
        }
    };
    let api = Scripted::new(|_, _| Ok(()), refuses_events);
    assert!(explained(&api, 100).await);
    let asked = api.asked("list Event").len();
    assert!((9..=11).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn events_that_may_not_be_read_are_not_waited_for_and_asked_for_less_and_less() {
    let refuses_events = |kind: &str, _: usize| if kind == "Event" { Err(forbidden()) } else { Ok(()) };
    let api = Scripted::new(refuses_events, |_, _| Begun::Stays);
    assert!(explained(&api, 300).await);
    let asked = api.asked("list Event").len();
    assert!(asked < 20, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn while_the_watches_are_cut_off_a_service_is_looked_at_once_a_second() {
    let watched = NamespaceWatch::new(Arc::default());
    let mut looks = 0;
    for _ in 0..100 {
        looks += usize::from(watched.may_look());
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(looks, 10);
}

#[tokio::test(start_paused = true)]
async fn watches_that_fail_from_the_beginning_hold_up_nobody() {
    let refuses_pods = |kind: &str, _: usize| if kind == "Pod" { Err(forbidden()) } else { Ok(()) };
    for api in [
        Scripted::new(|_, _| Err(forbidden()), |_, _| Begun::Stays),
        Scripted::new(|_, _| Ok(()), |_, _| Begun::Not(forbidden())),
        Scripted::new(refuses_pods, |_, _| Begun::Stays),
        Scripted::new(
            |_, _| Err(crate::cluster::Fault::transient("away")),
            |_, _| Begun::Stays,
        ),
    ] {
        let watched = NamespaceWatch::new(Arc::default());
        assert!(watched.is_filling());
        let start = Instant::now();
        let waiting = watched.until(|| !watched.is_filling(), start + Duration::from_secs(10));
        tokio::select! {
            () = watched.run(&api, "flyte") => {}
            () = waiting => {}
        }
        assert!(!watched.is_filling());
        assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    }
}
