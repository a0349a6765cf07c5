use super::*;
use crate::identity::holder::lease_name;
use crate::manifests::lease;
use crate::swallowed::recorder::record;
use crate::watch::scripted::{Scripted, forbidden};

const MINUTE: Duration = Duration::from_mins(1);

fn cluster(name: &str) -> Key {
    Key::of_context(Some(name)).expect("a key")
}

fn begin(api: &Scripted) -> Pulses {
    let pulses = Pulses::default();
    let lease = lease("flyte", "foo", "me", "anna@laptop/7");
    pulses.begin(api, (&cluster("any"), "flyte", "foo"), "me", lease);
    pulses
}

/// After how many seconds the Lease was renewed, or that was tried.
fn renewals(api: &Scripted) -> Vec<u64> {
    let asked = api.asked(&format!("apply {}", lease_name("foo", "me")));
    asked.into_iter().map(|(when, _)| when.as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_four_times_while_it_lasts() {
    let api = Scripted::quiet();
    let pulses = begin(&api);
    sleep(MINUTE + Duration::from_secs(1)).await;
    assert_eq!(renewals(&api), [0, 15, 30, 45, 60]);
    let (any, other) = (cluster("any"), cluster("other"));
    assert_eq!(pulses.owners((&any, "flyte", "foo")), ["me"]);
    for service in [(&any, "flyte", "bar"), (&any, "ml", "foo"), (&other, "flyte", "foo")] {
        assert!(pulses.owners(service).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_passes_costs_less_time_than_a_lease_lasts() {
    let api = Scripted::with_applies(|_, before| match before {
        1..5 => Err(Fault::transient("away")),
        _ => Ok(()),
    });
    let (records, guard) = record();
    let _pulses = begin(&api);
    sleep(MINUTE).await;
    drop(guard);
    assert_eq!(renewals(&api), [0, 15, 16, 18, 22, 30, 45]);
    let warnings: Vec<_> = records.all().iter().map(|each| each.field("cause")).collect();
    assert_eq!(warnings, ["away"], "once per cause");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_answer_is_asked_again() {
    let api = Scripted::quiet();
    let pulses = Pulses::default();
    let mut hangs = lease("flyte", "foo", "me", "anna@laptop/7");
    hangs.metadata.name = Some("hangs".to_owned());
    pulses.begin(&api, (&cluster("any"), "flyte", "foo"), "me", hangs);
    sleep(MINUTE).await;
    assert!(api.asked("apply hangs").len() >= 5);
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_comes_back_is_used() {
    let api = Scripted::with_applies(|_, before| if before < 20 { Err(forbidden()) } else { Ok(()) });
    let _pulses = begin(&api);
    sleep(MINUTE * 5).await;
    let all = renewals(&api);
    assert_eq!(all[all.len() - 1] - all[all.len() - 2], RENEWAL.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_gone_is_renewed_no_more() {
    let api = Scripted::with_applies(|_, before| if before < 2 { Ok(()) } else { Err(Fault::Changed) });
    let _pulses = begin(&api);
    sleep(MINUTE * 5).await;
    assert_eq!(renewals(&api), [0, 15, 30]);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_leaves_renews_no_more() {
    let api = Scripted::quiet();
    let pulses = begin(&api);
    sleep(Duration::from_secs(20)).await;
    let any = cluster("any");
    assert!(pulses.end((&any, "flyte", "foo"), "me").is_some());
    assert!(pulses.end((&any, "flyte", "foo"), "me").is_none());
    sleep(MINUTE).await;
    assert_eq!(renewals(&api), [0, 15]);
    assert!(pulses.owners((&any, "flyte", "foo")).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_taken_again_is_renewed_once() {
    let api = Scripted::quiet();
    let pulses = begin(&api);
    sleep(Duration::from_secs(1)).await;
    let (any, again) = (cluster("any"), lease("flyte", "foo", "me", "anna@laptop/7"));
    pulses.note((&any, "flyte", "foo"), "me", again.clone());
    pulses.begin(&api, (&any, "flyte", "foo"), "me", again);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(renewals(&api), [0, 1, 16]);
}

#[tokio::test(start_paused = true)]
async fn the_renewals_end_with_the_client() {
    let api = Scripted::quiet();
    drop(begin(&api));
    sleep(MINUTE).await;
    assert!(renewals(&api).len() <= 1);
    assert_eq!(api.holders(), 1);
}
