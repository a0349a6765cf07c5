//! The requests and reports of a watch, fault by fault.

use std::pin::pin;

use k8s_openapi::api::apps::v1::StatefulSet;

use super::super::scripted::{Begun, Scripted, forbidden};
use super::*;
use crate::swallowed::recorder::record;
use tracing::Level;

fn selection() -> Selection {
    Selection {
        namespace: "flyte".to_owned(),
        labels: String::new(),
        fields: String::new(),
    }
}

/// Follows a watch for some time, and returns what it has reported and after how many seconds.
async fn reported(api: &Scripted, seconds: u64) -> Vec<(u64, &'static str)> {
    let begun = Instant::now();
    let mut updates = pin!(watch::<_, StatefulSet>(api, selection()));
    let mut reported = Vec::new();
    let following = async {
        while let Some(update) = updates.next().await {
            let what = match update {
                Update::Event(Event::Init) => "list",
                Update::Event(Event::InitDone) => "listed",
                Update::Event(_) => "object",
                Update::Alive => "alive",
                Update::Following => "following",
                Update::Lost(Fault::Refused { .. }) => "refused",
                Update::Lost(_) => "lost",
            };
            reported.push((begun.elapsed().as_secs(), what));
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(seconds), following).await;
    reported
}

fn what(reported: &[(u64, &'static str)]) -> Vec<&'static str> {
    reported.iter().map(|(_, what)| *what).collect()
}

/// How many seconds passed between one question and the next.
fn pauses(asked: &[(Duration, String)]) -> Vec<u64> {
    asked
        .windows(2)
        .map(|pair| pair[1].0.abs_diff(pair[0].0).as_secs())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_list_counts_once_the_watch_has_begun_that_goes_on_from_it() {
    let api = Scripted::quiet();
    assert_eq!(what(&reported(&api, 60).await), ["list", "listed", "following"]);
    assert_eq!(api.asked("watch")[0].1, "watch StatefulSet from list 0");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_may_not_list_asks_less_and_less() {
    let api = Scripted::new(|_, _| Err(forbidden()), |_, _| Begun::Stays);
    reported(&api, 3600).await;
    let pauses = pauses(&api.asked("list"));
    for (number, pause) in pauses.iter().enumerate() {
        let least = 30.min(1 << number.min(10));
        assert!((least..=2 * least).contains(pause), "{pauses:?}");
    }
    assert!(pauses.len() < 130, "{}", pauses.len());
}

#[tokio::test(start_paused = true)]
async fn an_account_that_may_list_and_not_watch_asks_less_and_less_and_never_follows() {
    let api = Scripted::new(|_, _| Ok(()), |_, _| Begun::Not(forbidden()));
    let reported = what(&reported(&api, 3600).await);
    assert!(!reported.contains(&"following"), "{reported:?}");
    assert_eq!(
        reported[..6],
        ["list", "listed", "refused", "list", "listed", "refused"]
    );
    assert!(reported.len() < 3 * 130, "{}", reported.len());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_refused_lists_again_when_the_refusals_end() {
    for listing in [false, true] {
        let api = Scripted::new(
            move |_, before| {
                if listing && (1..4).contains(&before) {
                    Err(forbidden())
                } else {
                    Ok(())
                }
            },
            |_, before| match before {
                0 => Begun::Ends(Duration::from_mins(1)),
                1 => Begun::Not(forbidden()),
                _ => Begun::Stays,
            },
        );
        let reported = what(&reported(&api, 3600).await);
        let end = if listing { 3 } else { 0 };
        assert_eq!(reported[..4], ["list", "listed", "following", "refused"]);
        assert_eq!(reported.iter().filter(|what| **what == "refused").count(), 1 + end);
        assert_eq!(reported[reported.len() - 2..], ["listed", "following"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_goes_on_from_where_it_was_and_is_fresh_when_it_has_caught_up() {
    let api = Scripted::new(
        |_, _| Ok(()),
        |_, before| match before {
            0 => Begun::Bookmarks("7"),
            1 => Begun::Not(Fault::transient("away")),
            _ => Begun::Stays,
        },
    );
    let reported = what(&reported(&api, 60).await);
    assert_eq!(reported, ["list", "listed", "alive", "lost", "lost", "following"]);
    let from: Vec<String> = api.asked("watch").into_iter().map(|(_, asked)| asked).collect();
    assert_eq!(from[1..], ["watch StatefulSet from 7", "watch StatefulSet from 7"]);
    assert_eq!(api.asked("list").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_too_old_is_listed_again() {
    let expired = || Fault::Refused {
        code: 410,
        reason: "Expired".to_owned(),
        message: "too old resource version".to_owned(),
    };
    let api = Scripted::new(
        |_, _| Ok(()),
        move |_, before| {
            if before == 0 {
                Begun::Not(expired())
            } else {
                Begun::Stays
            }
        },
    );
    let reported = what(&reported(&api, 60).await);
    assert_eq!(reported, ["list", "listed", "refused", "list", "listed", "following"]);
    assert_eq!(api.asked("watch")[1].1, "watch StatefulSet from list 1");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_or_breaks_again_and_again_is_not_begun_in_a_hurry() {
    for begun in [
        || Begun::Ends(Duration::ZERO),
        || Begun::Breaks(Duration::from_millis(10)),
    ] {
        let api = Scripted::new(|_, _| Ok(()), move |_, _| begun());
        reported(&api, 600).await;
        let asked = api.asked("watch").len();
        assert!(asked < 200, "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_the_api_server_ends_after_a_while_is_not_lost() {
    let api = Scripted::new(|_, _| Ok(()), |_, _| Begun::Ends(Duration::from_mins(1)));
    let reported = reported(&api, 200).await;
    assert!(!what(&reported).contains(&"lost"), "{reported:?}");
    assert_eq!(api.asked("watch").len(), 4);
    assert_eq!(api.asked("list").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_asks_to_be_left_alone_is() {
    let throttled = || Fault::Transient {
        message: "too many requests".to_owned(),
        retry_after: Some(Duration::from_secs(20)),
    };
    let api = Scripted::new(move |_, _| Err(throttled()), |_, _| Begun::Stays);
    reported(&api, 300).await;
    let pauses = pauses(&api.asked("list"));
    assert!(pauses.iter().all(|pause| (20..=31).contains(pause)), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_cut_off_logs_each_cause_once_and_that_it_goes_on() {
    let api = Scripted::new(
        |_, _| Ok(()),
        |_, before| match before {
            0..5 => Begun::Not(Fault::transient(format!("away for {before} s"))),
            5..9 => Begun::Not(Fault::transient("overloaded")),
            _ => Begun::Stays,
        },
    );
    let (records, guard) = record();
    reported(&api, 600).await;
    drop(guard);
    let logged: Vec<_> = records.all();
    let causes: Vec<_> = logged.iter().map(|each| (each.level, each.field("cause"))).collect();
    assert_eq!(
        causes,
        [
            (Level::WARN, "away for 0 s".to_owned()),
            (Level::WARN, "overloaded".to_owned()),
            (Level::INFO, String::new()),
        ]
    );
    for each in &logged {
        assert_eq!(
            (each.field("namespace"), each.field("object")),
            ("flyte".to_owned(), "StatefulSets".to_owned())
        );
    }
    assert_eq!(
        logged[0].message,
        "The watch over StatefulSets in namespace flyte is interrupted, and is tried again: away for 0 s"
    );
    assert_eq!(
        logged[2].message,
        "The watch over StatefulSets in namespace flyte goes on."
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_refused_for_good_is_logged_once() {
    let api = Scripted::new(|_, _| Err(forbidden()), |_, _| Begun::Stays);
    let (records, guard) = record();
    reported(&api, 3600).await;
    drop(guard);
    assert_eq!(records.all().len(), 1);
}
