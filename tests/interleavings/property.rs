//! What must hold after every schedule, whatever has happened in it.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;
use k8sdataservice::cluster::{FlyteWorkflow, MetadataOf, RunKind, RunOutcome};
use k8sdataservice::error::Error;
use k8sdataservice::identity::asleep::Asleep;
use k8sdataservice::identity::execution;
use k8sdataservice::identity::holder::Holder;
use k8sdataservice::identity::labels::{ASLEEP_ANNOTATION, HASH_ANNOTATION};
use k8sdataservice::identity::owner::{ManagedBy, managed_by};
use k8sdataservice::lifecycle::{Created, Deletion, RunState, Scope, Updated};
use k8sdataservice::lifetime::{Decision, Terms};
use k8sdataservice::status::{Phase, Status};

use crate::actor::{Actor, Answer, Call, NAME, scope, spec};
use crate::run::{Run, versions};
use crate::server::{Departed, Key, Server, Stored, Who};

/// Why the services have failed that have.
pub const VERDICT: &str = "ImageNeverPulled";

/// Checks it, after all calls have ended, those of the dead were repeated, and the garbage collector has nothing left
/// to do.
pub fn holds(run: &Run, server: &Server) -> Result<(), String> {
    // Half a service of a process that has died is for its next try, which there may be none of here.
    if !(run.scenario.retracts && run.killed > 0) {
        whole_or_nothing(server)?;
    }
    others_are_untouched(run, server)?;
    nobody_takes_what_is_not_theirs(run, server)?;
    updates_make_nothing_and_stay_at_home(run, server)?;
    updates_are_whole(run, server)?;
    nothing_is_left_that_nobody_knows_of(run, server)?;
    services_end_with_their_runs(run, server)?;
    sleep_and_wake_agree(run, server)?;
    for (number, actor) in run.actors.iter().enumerate() {
        let problem = match actor.answer.as_ref() {
            Some(Answer::Created(Ok(created))) => created_is_there(run, actor, created, server),
            Some(Answer::Updated(Ok(updated))) => updated_is_there(run, updated, server),
            Some(Answer::Deleted(Ok(deletion))) => deleted_is_gone(actor, deletion, server),
            Some(Answer::Observed(Ok(status))) if matches!(actor.call, Call::Conclude(..)) => {
                verdict_outlives(run, actor, status, server)
            }
            Some(Answer::Observed(Ok(status))) => observed_was_so(actor, status),
            Some(Answer::Created(Err(error))) => refused_for_a_reason(error, server),
            Some(_) => Ok(()),
            None => Err("it has no answer".to_owned()),
        };
        problem.map_err(|problem| format!("{number} ({}): {problem}", actor.call))?;
    }
    let created = |actor: &Actor| matches!(actor.answer, Some(Answer::Created(Ok(_))));
    let deletes = (0..run.actors.len()).any(|number| deletes(run, number));
    if run.actors.iter().any(created) && !deletes && server.services_alive().is_empty() {
        return Err("a create has succeeded, nobody deletes, and there is no service".to_owned());
    }
    Ok(())
}

/// A `StatefulSet` has its Service and a Service its `StatefulSet`, or there is neither.
fn whole_or_nothing(server: &Server) -> Result<(), String> {
    // A pod is its StatefulSet's, and an Event nobody's.
    let is_part = |kind: &str| !matches!(kind, "Event" | "Pod");
    let ours =
        |((kind, _), stored): &(&Key, &Stored)| is_part(kind) && managed_by(&stored.metadata) != ManagedBy::Other;
    let named = |kind: &str| {
        server
            .objects()
            .find(|((other, name), _)| *other == kind && name == NAME)
    };
    for ((kind, name), stored) in server.objects().filter(ours) {
        if name != NAME {
            return Err(format!("{kind} {name} has a name that nobody asked for"));
        }
        let other = if kind == "Service" { "StatefulSet" } else { "Service" };
        let Some((_, other_half)) = named(other).filter(ours) else {
            return Err(format!("the {kind} is there and its {other} is not"));
        };
        let (service, set) = if kind == "Service" {
            (stored, other_half)
        } else {
            (other_half, stored)
        };
        let owners = service.metadata.owner_references.iter().flatten();
        let owned = managed_by(&service.metadata) == ManagedBy::Predecessor
            || owners
                .clone()
                .any(|owner| Some(&owner.uid) == set.metadata.uid.as_ref());
        if !owned {
            return Err("the Service does not belong to the StatefulSet".to_owned());
        }
    }
    Ok(())
}

/// What somebody else has made is as it was.
fn others_are_untouched(run: &Run, server: &Server) -> Result<(), String> {
    let now = versions(server, |_| true);
    // Pods are Kubernetes's own to change, and runs Flyte's.
    let is_theirs = |kind: &str| !matches!(kind, "Pod" | "FlyteWorkflow");
    let mut of_others = run.of_others.iter().filter(|((kind, _), _)| is_theirs(kind));
    let lost = of_others.find(|before| !now.contains(before));
    lost.map_or(Ok(()), |((kind, name), _)| {
        Err(format!("{kind} {name} of somebody else was touched"))
    })
}

/// An actor takes only what its scope covers, and a create only what nobody was told that he has.
fn nobody_takes_what_is_not_theirs(run: &Run, server: &Server) -> Result<(), String> {
    for (uid, departed) in server
        .departed
        .iter()
        .filter(|(_, departed)| departed.kind == "StatefulSet")
    {
        let Who::Actor(number) = departed.deleted_by else {
            continue;
        };
        let actor = &run.actors[number];
        if deletes(run, number) {
            let mut calls = calls_of(run, number).filter(|call| is_delete(*call));
            if !calls.any(|call| covers(call, departed.owner.as_deref())) {
                return Err(format!("{number} ({}) took {uid} of {:?}", actor.call, departed.owner));
            }
            continue;
        }
        let told = |actor: &Actor| matches!(&actor.answer, Some(Answer::Created(Ok(created))) if created.uid == *uid);
        if run.actors.iter().any(told) {
            return Err(format!(
                "{number} ({}) took {uid}, which another has created",
                actor.call
            ));
        }
    }
    Ok(())
}

/// What creates have made and nobody was told of is taken back, unless a process has died that would have.
fn nothing_is_left_that_nobody_knows_of(run: &Run, server: &Server) -> Result<(), String> {
    if !run.scenario.retracts || run.killed > 0 {
        return Ok(());
    }
    let told: Vec<&str> = run
        .actors
        .iter()
        .filter_map(|actor| match &actor.answer {
            Some(Answer::Created(Ok(created))) => Some(created.uid.as_str()),
            _ => None,
        })
        .collect();
    let made = server
        .objects()
        .filter(|((kind, _), stored)| kind == "StatefulSet" && matches!(stored.made_by, Who::Actor(_)));
    for (_, stored) in made {
        let uid = stored.metadata.uid.as_deref().unwrap_or_default();
        if !told.contains(&uid) {
            return Err(format!("{uid} is left, and nobody was told of it"));
        }
    }
    Ok(())
}

/// Whether somebody may take a service from a run: its own abort, or a sensor that only that run concerns.
fn may_be_taken(run: &Run) -> bool {
    let takes = |call: Call| matches!(call, Call::Clean | Call::Conclude(..));
    (0..run.actors.len()).any(|number| calls_of(run, number).any(takes))
}

/// Nobody takes a service that a run holds that goes on. What is left is held by such a run, or ends with the next
/// reaper.
fn services_end_with_their_runs(run: &Run, server: &Server) -> Result<(), String> {
    let goes_on = |run: MetadataOf<FlyteWorkflow>| !FlyteWorkflow::has_ended(&run.metadata);
    let lives = |run: &str| server.read::<MetadataOf<FlyteWorkflow>>(run, 0).is_some_and(goes_on);
    for actor in &run.actors {
        let (Call::Hold(_, _, held_by), Some(Answer::Created(Ok(created)))) = (actor.call, &actor.answer) else {
            continue;
        };
        // A run that has ended does not come back: one that lives now has lived all the time.
        if server.departed.contains_key(&created.uid) && lives(held_by) && !may_be_taken(run) {
            return Err(format!(
                "{} is gone, and {held_by}, which holds it, goes on",
                created.uid
            ));
        }
    }
    for ((_, name), stored) in server.objects().filter(|((kind, _), _)| kind == "StatefulSet") {
        let terms = Terms::of(&stored.metadata);
        if !terms.may_end() || terms.holders.is_empty() {
            continue;
        }
        let state = |holder: &Holder| {
            if lives(&holder.name) {
                RunState::Live
            } else {
                RunState::Over(RunOutcome::Aborted)
            }
        };
        let states: Vec<_> = terms.holders.known.iter().map(state).collect();
        let decision = terms.decide(&states, Timestamp::UNIX_EPOCH);
        if !matches!(decision, Decision::Used(_) | Decision::Ends(_)) {
            return Err(format!("{name} is left for good: {decision}"));
        }
    }
    Ok(())
}

/// A service that a run has joined which goes on is awake, and one that sleeps again has as many replicas as it had.
fn sleep_and_wake_agree(run: &Run, server: &Server) -> Result<(), String> {
    let Some(set) = server.read::<StatefulSet>(NAME, 0) else {
        return Ok(());
    };
    let asleep = Asleep::of(&set);
    for actor in &run.actors {
        let (Call::Hold(..), Some(Answer::Created(Ok(created)))) = (actor.call, &actor.answer) else {
            continue;
        };
        if asleep.is_some() && Some(&created.uid) == set.metadata.uid.as_ref() {
            return Err(format!("{} has joined a service that sleeps", actor.call));
        }
    }
    if !run.scenario.calls.contains(&Call::Sleep) {
        return Ok(());
    }
    let replicas = set.spec.and_then(|spec| spec.replicas);
    let noted = set
        .metadata
        .annotations
        .is_some_and(|all| all.contains_key(ASLEEP_ANNOTATION));
    match (replicas, asleep) {
        (Some(3), None) if !noted => Ok(()),
        (Some(0), Some(Asleep { replicas: 3, .. })) => Ok(()),
        (replicas, asleep) => Err(format!("it has {replicas:?} replicas and is {asleep:?}")),
    }
}

/// What a create has told of is there, unless somebody who may has deleted it.
fn created_is_there(run: &Run, actor: &Actor, created: &Created, server: &Server) -> Result<(), String> {
    let owner = match (
        server.services_alive().get(&created.uid),
        server.departed.get(&created.uid),
    ) {
        (Some(owner), _) => owner.clone(),
        (None, Some(departed)) => {
            let by_right = match departed.deleted_by {
                Who::Actor(by) => deletes(run, by),
                Who::Finalizer => true,
                Who::GarbageCollector | Who::Before => false,
            };
            if !by_right {
                return Err(format!("{} was taken by {:?}", created.uid, departed.deleted_by));
            }
            departed.owner.clone()
        }
        (None, None) => return Err(format!("{} has never been there", created.uid)),
    };
    let (Call::Create(me, _) | Call::Hold(me, ..)) = actor.call else {
        return Ok(());
    };
    if created.shared_with.is_some() == (owner.as_deref() == Some(me)) {
        return Err(format!(
            "it belongs to {owner:?}, and is said to be shared with {:?}",
            created.shared_with
        ));
    }
    Ok(())
}

/// An update makes no service, and writes into none that is another's unless it takes it over.
fn updates_make_nothing_and_stay_at_home(run: &Run, server: &Server) -> Result<(), String> {
    let updates = |who: Who| match who {
        Who::Actor(number) => match run.actors[number].call {
            Call::Update(owner, _, adopts) => Some((number, owner, adopts)),
            _ => None,
        },
        _ => None,
    };
    let is_set = |kind: &str| kind == "StatefulSet";
    let there = server.objects().filter(|((kind, _), _)| is_set(kind));
    let departed = server.departed.values().filter(|departed| is_set(&departed.kind));
    let mut makers = there
        .map(|(_, stored)| stored.made_by)
        .chain(departed.map(|departed| departed.made_by));
    if let Some((number, ..)) = makers.find_map(updates) {
        return Err(format!("{number} is an update and has made a StatefulSet"));
    }
    for (_, owner, by) in server.applied.iter().filter(|(kind, ..)| is_set(kind)) {
        let Some((number, me, adopts)) = updates(*by) else {
            continue;
        };
        let theirs = owner.as_deref().is_some_and(|owner| is_same_execution(owner, me));
        if !adopts && !theirs {
            return Err(format!("{number} has written into the service of {owner:?}"));
        }
    }
    Ok(())
}

/// Whether the service of an owner is one that another, or the same, may change.
fn is_same_execution(owner: &str, me: &str) -> bool {
    let execution = |owner: &str| owner.split_once('/').map(|(execution, _)| execution.to_owned());
    owner == me || (execution(me).is_some() && execution(owner) == execution(me))
}

/// What an update has succeeded with says in parts for which run of Flyte it is, all objects the same.
fn updated_names_its_run(server: &Server) -> Result<(), String> {
    let is_part = |kind: &str| matches!(kind, "StatefulSet" | "Service");
    let parts = server.objects().filter(|((kind, _), _)| is_part(kind));
    let annotations = parts.filter_map(|(_, stored)| stored.metadata.annotations.as_ref());
    let mut runs = annotations.map(|annotations| {
        let run = execution::Run::from_annotations(annotations);
        let says = run.annotations();
        let is_said = says.iter().all(|(key, value)| annotations.get(key) == Some(value));
        (run, is_said)
    });
    let first = runs.next();
    if first.iter().any(|(_, is_said)| !is_said) || runs.any(|other| Some(other) != first) {
        return Err(format!("its objects do not all say their run: {first:?}"));
    }
    Ok(())
}

/// Where updates have succeeded, the service is as one of them, or a create, has asked for: both halves as the same
/// one.
fn updates_are_whole(run: &Run, server: &Server) -> Result<(), String> {
    let updates = || run.actors.iter().filter(|actor| matches!(actor.call, Call::Update(..)));
    let succeeded = |actor: &Actor| matches!(actor.answer, Some(Answer::Updated(Ok(_))));
    if !updates().any(succeeded) || !updates().all(succeeded) {
        return Ok(());
    }
    updated_names_its_run(server)?;
    let hashes = server.objects().map(|((kind, _), stored)| {
        let annotations = stored.metadata.annotations.as_ref();
        (
            kind,
            annotations.and_then(|annotations| annotations.get(HASH_ANNOTATION)),
        )
    });
    let hashes: Vec<_> = hashes.collect();
    let asked: Vec<String> = run
        .actors
        .iter()
        .filter_map(|actor| match actor.call {
            Call::Update(_, image, _) | Call::Create(_, image) => Some(spec(image).hash()),
            _ => None,
        })
        .collect();
    let is_asked = |hash: Option<&String>| hash.is_some_and(|hash| asked.contains(hash));
    match hashes.first() {
        Some((_, first)) if hashes.iter().any(|(_, hash)| hash != first) || !is_asked(*first) => {
            Err(format!("the service is as nobody has asked for: {hashes:?}"))
        }
        _ => Ok(()),
    }
}

/// What an update has told of was there.
fn updated_is_there(run: &Run, updated: &Updated, server: &Server) -> Result<(), String> {
    let by_right = |departed: &Departed| match departed.deleted_by {
        Who::Actor(by) => deletes(run, by),
        who => who == Who::Finalizer,
    };
    let departed = server.departed.get(&updated.uid);
    if server.services_alive().contains_key(&updated.uid) || departed.is_some_and(by_right) {
        return Ok(());
    }
    Err(format!("{} is not there", updated.uid))
}

/// What a delete covers and has met is gone.
fn deleted_is_gone(actor: &Actor, deletion: &Deletion, server: &Server) -> Result<(), String> {
    // Other runs use it, for which it stays; that one of them does is checked of all that is left.
    if matches!(deletion, Deletion::InUse(_)) {
        return Ok(());
    }
    let alive = server.services_alive();
    let met = actor.alive_at_first.iter().flatten();
    for (uid, owner) in met.clone().filter(|(_, owner)| covers(actor.call, owner.as_deref())) {
        if alive.contains_key(uid) {
            return Err(format!(
                "it was told {deletion:?}, and {uid} of {owner:?} is still there"
            ));
        }
    }
    if *deletion == Deletion::LeftAlone {
        let others = |owner: Option<&str>| !covers(actor.call, owner);
        let departed = server
            .departed
            .values()
            .any(|departed| others(departed.owner.as_deref()));
        let there = server
            .objects()
            .any(|(_, stored)| others(crate::metadata::owner(&stored.metadata).as_deref()));
        if !departed && !there {
            return Err("it was told that something was left alone, and nothing was".to_owned());
        }
    }
    if *deletion == Deletion::Gone
        && !server
            .departed
            .values()
            .any(|departed| covers(actor.call, departed.owner.as_deref()))
    {
        return Err("it was told Gone, and nothing is gone".to_owned());
    }
    Ok(())
}

/// What an observer was told was so at some moment while it looked.
fn observed_was_so(actor: &Actor, status: &Status) -> Result<(), String> {
    let there = !actor.alive_meanwhile.is_empty();
    let possible = match (actor.call, status.reason) {
        (_, "StatefulSetNotFound") => actor.none_meanwhile,
        (Call::Poll(uid), "StatefulSetReplaced") => actor.alive_meanwhile.keys().any(|other| other != uid),
        (Call::Poll(uid), _) => actor.alive_meanwhile.contains_key(uid),
        _ => there && status.phase != Phase::Failed,
    };
    if possible {
        return Ok(());
    }
    Err(format!("it was told {} at a time when that was not so", status.reason))
}

/// Whoever polls a service that has failed gets the verdict, also where another poll has ended the service, and a
/// service that has recovered stays.
fn verdict_outlives(run: &Run, actor: &Actor, status: &Status, server: &Server) -> Result<(), String> {
    let Call::Conclude(_, uid, keeps) = actor.call else {
        return Ok(());
    };
    let there = server.objects().map(|(_, stored)| stored);
    let there = there
        .into_iter()
        .find(|stored| stored.metadata.uid.as_deref() == Some(uid));
    let departed = server.departed.get(uid);
    let concludes =
        |who: Who| matches!(who, Who::Actor(number) if matches!(run.actors[number].call, Call::Conclude(..)));
    if departed.is_some_and(|departed| departed.was_ready && concludes(departed.deleted_by)) {
        return Err(format!("{uid} had recovered, and was deleted as one that has failed"));
    }
    match status.reason {
        VERDICT if there.is_none() || keeps => Ok(()),
        VERDICT => Err(format!("it was told the verdict, and {uid} is still there")),
        // It has recovered, or not all of it could be read at one time: Flyte asks again.
        _ if !status.phase.is_final() => Ok(()),
        "Ready" if there.is_some() => Ok(()),
        // Somebody else has deleted it, of which there is no verdict.
        "Ready" | "StatefulSetNotFound" | "StatefulSetReplaced" | "Terminating"
            if departed.is_some_and(|departed| !concludes(departed.deleted_by)) =>
        {
            Ok(())
        }
        reason => Err(format!(
            "the verdict is {VERDICT}, and it was told {reason}: {}",
            status.message
        )),
    }
}

/// A create is refused for what somebody else has, and that was there.
fn refused_for_a_reason(error: &Error, server: &Server) -> Result<(), String> {
    if !matches!(error, Error::Conflict { .. }) {
        return Ok(());
    }
    let made = server.objects().count() + server.departed.len();
    if made == 0 {
        return Err("it was told of a conflict with nothing".to_owned());
    }
    Ok(())
}

/// What an actor does, and what it did at first: a deletion may arrive when its sender has died, and the process that
/// came after it has something else to do.
fn calls_of(run: &Run, number: usize) -> impl Iterator<Item = Call> {
    [Some(run.actors[number].call), run.scenario.calls.get(number).copied()]
        .into_iter()
        .flatten()
}

fn deletes(run: &Run, number: usize) -> bool {
    calls_of(run, number).any(is_delete)
}

fn is_delete(call: Call) -> bool {
    matches!(call, Call::Abort(_) | Call::Clean | Call::Conclude(..) | Call::Reap)
}

fn covers(call: Call, owner: Option<&str>) -> bool {
    match scope(call) {
        Scope::OwnedBy(id) => owner == Some(&id),
        Scope::AnyOfOurs | Scope::InUseToo => true,
    }
}
