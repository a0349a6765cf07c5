use super::*;
use crate::config::lifetime::{After, Bound, Idle};
use crate::identity::holder::FLYTE_WORKFLOW;

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn holder(name: &str) -> Holder {
    Holder {
        kind: FLYTE_WORKFLOW.to_owned(),
        namespace: "p-d".to_owned(),
        name: name.to_owned(),
        uid: format!("uid of {name}"),
        owner: format!("node of {name}"),
        since: "2026-01-01T00:00:00Z".to_owned(),
        identity: None,
    }
}

fn terms(lifetime: Lifetime, runs: &[&str]) -> Terms {
    let holders = Holders {
        known: runs.iter().map(|name| holder(name)).collect(),
        unreadable: Vec::new(),
    };
    Terms {
        lifetime: Some(lifetime),
        is_released: false,
        is_asleep: false,
        unused: None,
        kept_until: None,
        created: Some(second(1000)),
        holders,
    }
}

fn run() -> Lifetime {
    Lifetime::bound_to(Bound::Run)
}

fn over(outcome: RunOutcome) -> RunState {
    RunState::Over(outcome)
}

fn unknown() -> RunState {
    RunState::Unknown("forbidden".to_owned())
}

#[test]
fn it_ends_with_the_last_of_its_runs() {
    let terms = terms(run(), &["f1", "f2"]);
    let [ended, live] = [over(RunOutcome::Succeeded), RunState::Live];
    let decide = |states: [&RunState; 2]| terms.decide(&states.map(Clone::clone), second(2000));
    assert_eq!(decide([&live, &ended]), Decision::Used(vec!["p-d/f1".to_owned()]));
    assert_eq!(decide([&ended, &live]), Decision::Used(vec!["p-d/f2".to_owned()]));
    assert_eq!(
        decide([&ended, &ended]),
        Decision::Ends(End::Unused(RunOutcome::Succeeded))
    );
}

#[test]
fn an_unknown_run_ends_nothing() {
    let ended = over(RunOutcome::Aborted);
    for states in [
        vec![unknown(), ended.clone()],
        vec![unknown(), unknown()],
        vec![ended.clone()],
    ] {
        let decision = terms(run(), &["f1", "f2"]).decide(&states, second(9_000_000));
        assert!(matches!(decision, Decision::Unknown(_)), "{states:?}: {decision:?}");
    }
    let nobody = terms(run(), &[]).decide(&[], second(9_000_000));
    assert!(matches!(nobody, Decision::Unknown(_)), "{nobody:?}");
    let mut of_a_later_version = terms(run(), &["f1"]);
    of_a_later_version.holders.unreadable = vec!["holder.k8sdataservice.flyte.org/0123456789".to_owned()];
    let decision = of_a_later_version.decide(std::slice::from_ref(&ended), second(9_000_000));
    assert!(matches!(decision, Decision::Unknown(_)), "{decision:?}");
    let mut unreadable = terms(run(), &["f1"]);
    unreadable.lifetime = None;
    let decision = unreadable.decide(&[ended], second(9_000_000));
    assert!(matches!(decision, Decision::Unknown(_)), "{decision:?}");
    assert!(unreadable.may_end());
}

#[test]
fn it_stays_for_a_while_by_how_its_run_has_ended() {
    let after = After {
        failed: Length::seconds(60),
        ..After::default()
    };
    let lifetime = Lifetime {
        grace: Length::seconds(10),
        after,
        ..run()
    };
    let mut terms = terms(lifetime, &["f1"]);
    let failed = [over(RunOutcome::Failed)];
    let marked = Unused {
        at: second(2000),
        outcome: RunOutcome::Failed,
    };
    assert_eq!(terms.decide(&failed, second(2000)), Decision::Marks(marked));
    terms.unused = Some(marked);
    assert_eq!(
        terms.decide(&failed, second(2069)),
        Decision::Waits(second(2070), Then::Delete)
    );
    assert_eq!(
        terms.decide(&failed, second(2070)),
        Decision::Ends(End::Unused(RunOutcome::Failed))
    );
    // A run that Flyte has collected since looks like an abort; the outcome that was written counts.
    let collected = [over(RunOutcome::Aborted)];
    assert_eq!(
        terms.decide(&collected, second(2069)),
        Decision::Waits(second(2070), Then::Delete)
    );
    // A run that has joined since.
    assert!(matches!(
        terms.decide(&[RunState::Live], second(9999)),
        Decision::Used(_)
    ));
}

#[test]
fn of_runs_that_have_ended_differently_a_failure_counts() {
    let after = After {
        failed: Length::seconds(60),
        ..After::default()
    };
    let terms = terms(Lifetime { after, ..run() }, &["f1", "f2"]);
    let states = [over(RunOutcome::Failed), over(RunOutcome::Succeeded)];
    let decision = terms.decide(&states, second(2000));
    assert!(
        matches!(
            decision,
            Decision::Marks(Unused {
                outcome: RunOutcome::Failed,
                ..
            })
        ),
        "{decision:?}"
    );
}

#[test]
fn a_ttl_ends_it_whoever_uses_it() {
    let lifetime = Lifetime {
        ttl: Some(Length::seconds(100)),
        ..Lifetime::default()
    };
    let terms = terms(lifetime, &["f1"]);
    assert!(terms.may_end());
    assert_eq!(terms.expires(), Some(second(1100)));
    assert_eq!(terms.decide(&[RunState::Live], second(1099)), Decision::Persists);
    assert_eq!(
        terms.decide(&[RunState::Live], second(1100)),
        Decision::Ends(End::Expired(Length::seconds(100)))
    );
}

#[test]
fn one_that_persists_ends_with_its_last_run_once_it_is_released() {
    let mut terms = terms(Lifetime::default(), &["f1"]);
    let ended = [over(RunOutcome::Succeeded)];
    assert!(!terms.may_end());
    assert_eq!(terms.decide(&ended, second(2000)), Decision::Persists);
    terms.is_released = true;
    assert!(terms.may_end());
    assert!(matches!(
        terms.decide(&[RunState::Live], second(2000)),
        Decision::Used(_)
    ));
    assert!(matches!(terms.decide(&ended, second(2000)), Decision::Ends(_)));
}

fn idle(bound: Bound, then: Then) -> Lifetime {
    let after = Length::seconds(100);
    Lifetime {
        idle: Some(Idle {
            after,
            then,
            http_get: None,
        }),
        ..Lifetime::bound_to(bound)
    }
}

#[test]
fn one_that_is_idle_ends_or_sleeps_whatever_its_life_is_bound_to() {
    let span = Length::seconds(100);
    let ended = [over(RunOutcome::Succeeded)];
    let unused = Unused {
        at: second(2000),
        outcome: RunOutcome::Succeeded,
    };
    for (bound, then, due) in [
        (Bound::Run, Then::Delete, Decision::Ends(End::Idle(span))),
        (Bound::Persist, Then::Delete, Decision::Ends(End::Idle(span))),
        (Bound::Run, Then::Sleep, Decision::FallsAsleep(span)),
        (Bound::Persist, Then::Sleep, Decision::FallsAsleep(span)),
    ] {
        let mut terms = terms(idle(bound, then), &["f1"]);
        assert!(terms.may_end());
        assert!(matches!(
            terms.decide(&[RunState::Live], second(9_000_000)),
            Decision::Used(_)
        ));
        assert!(matches!(
            terms.decide(&[unknown()], second(9_000_000)),
            Decision::Unknown(_)
        ));
        assert_eq!(terms.decide(&ended, second(2000)), Decision::Marks(unused));
        terms.unused = Some(unused);
        assert_eq!(terms.decide(&ended, second(2099)), Decision::Waits(second(2100), then));
        assert_eq!(terms.decide(&ended, second(2100)), due);
        // A sensor has asked for its end.
        terms.is_released = true;
        assert!(matches!(
            terms.decide(&ended, second(2000)),
            Decision::Ends(End::Unused(_))
        ));
    }
}

#[test]
fn one_that_sleeps_rests_unless_it_is_to_be_deleted() {
    let ended = [over(RunOutcome::Succeeded)];
    let mut sleeps = terms(idle(Bound::Persist, Then::Sleep), &["f1"]);
    sleeps.is_asleep = true;
    assert!(sleeps.rests());
    assert_eq!(
        sleeps.decide(&ended, second(2000)),
        Decision::Sleeps(Length::seconds(100))
    );
    let mut ends = terms(idle(Bound::Persist, Then::Delete), &["f1"]);
    ends.is_asleep = true;
    assert!(!ends.rests());
    assert!(matches!(ends.decide(&ended, second(2000)), Decision::Marks(_)));
    sleeps.is_released = true;
    assert!(!sleeps.rests());
    assert!(matches!(sleeps.decide(&ended, second(2000)), Decision::Ends(_)));
}

#[test]
fn the_terms_are_read_from_the_object() {
    let unused = Unused {
        at: second(2000),
        outcome: RunOutcome::Aborted,
    };
    let one = holder("f1");
    let annotations = [
        (
            LIFETIME_ANNOTATION.to_owned(),
            run().annotation().expect("an annotation"),
        ),
        (RELEASED_ANNOTATION.to_owned(), "2026-01-01T00:00:00Z".to_owned()),
        (
            UNUSED_SINCE_ANNOTATION.to_owned(),
            serde_json::to_string(&unused).expect("JSON"),
        ),
        (one.key(), one.value()),
    ];
    let metadata = ObjectMeta {
        annotations: Some(annotations.into()),
        ..ObjectMeta::default()
    };
    let terms = Terms::of(&metadata);
    assert_eq!((terms.lifetime, terms.unused), (Some(run()), Some(unused)));
    assert!(terms.is_released);
    assert_eq!(terms.holders.known, [one]);
    assert!(!Terms::of(&ObjectMeta::default()).may_end());
}

#[test]
fn a_service_that_has_failed_is_kept_until_its_moment_however_its_runs_end() {
    let mut terms = terms(Lifetime::bound_to(Bound::Run), &["f1"]);
    terms.kept_until = Some(second(2000));
    let ended = [over(RunOutcome::Failed)];
    assert!(terms.may_end());
    assert_eq!(terms.due(), Some(second(2000)));
    assert_eq!(terms.decide(&ended, second(1999)), Decision::Kept(second(2000)));
    let ends = Decision::Ends(End::Kept(second(2000)));
    assert_eq!(terms.decide(&ended, second(2000)), ends);
    assert_eq!(terms.decide(&[RunState::Live], second(2000)), ends);
}

#[test]
fn carried_out_decisions_are_counted_under_their_cause() {
    let hour = Length::seconds(3600);
    let of_run = |outcome| Decision::Ends(End::Unused(outcome));
    let counted = [
        (of_run(RunOutcome::Succeeded), Reap::RunSucceeded),
        (of_run(RunOutcome::Failed), Reap::RunFailed),
        (of_run(RunOutcome::Aborted), Reap::RunAborted),
        (Decision::Ends(End::Expired(hour)), Reap::Ttl),
        (Decision::Ends(End::Idle(hour)), Reap::Idle),
        (Decision::Ends(End::Kept(second(0))), Reap::KeptExpired),
        (Decision::FallsAsleep(hour), Reap::Slept),
    ];
    for (decision, cause) in counted {
        assert_eq!(decision.reaps(), Some(cause), "{decision:?}");
    }
    let unused = Unused {
        at: second(0),
        outcome: RunOutcome::Failed,
    };
    for decision in [
        Decision::Persists,
        Decision::Used(Vec::new()),
        Decision::Unknown(String::new()),
        Decision::Waits(second(0), Then::Delete),
        Decision::Marks(unused),
        Decision::Sleeps(hour),
    ] {
        assert_eq!(decision.reaps(), None, "{decision:?}");
    }
}
