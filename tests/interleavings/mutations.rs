//! Proof that the exploration finds what it is for: each of these breaks something on purpose, and must be found.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use k8sdataservice::cluster::{Annotation, Api, Changes, Chunk, Deleted, Fault, Kind, Selection};
use k8sdataservice::error::{Error, ObjectReference};
use k8sdataservice::identity::labels::ADOPTED_PREFIX;
use k8sdataservice::identity::owner::is_owned_by;
use k8sdataservice::lifecycle::{Created, Deletion};

use crate::actor::{Answer, Answering, Call, NAME, NAMESPACE, answer, begin, objects};
use crate::explorer::{exhaust, replay};
use crate::gate::Gate;
use crate::lifetimes::is_in_use;
use crate::scenario::Scenario;
use crate::scenarios::{ALPHA, BETA, BETA_OTHERWISE, is_conflict, is_unchanged};
use crate::states::{alphas, failed_alphas, held_by_one_that_ended, owned, unused};

/// Expects that a schedule is found after which something does not hold, and that its replay shows the same.
fn is_found(scenario: &Scenario, expected: &str) {
    let explored = exhaust(scenario);
    let violation = explored.violation.expect("a violation");
    assert!(violation.problem.contains(expected), "{violation}");
    let replayed = replay(scenario, violation.schedule);
    assert_eq!(replayed.violation, Some(violation.problem));
}

#[test]
fn a_server_that_ignores_uids() {
    let scenario = Scenario::new("ignored uids", &[BETA_OTHERWISE, Call::Abort("alpha")])
        .before(|server| {
            alphas(server);
            server.broken.ignores_uids = true;
        })
        .allows(is_conflict);
    is_found(&scenario, "the StatefulSet is there and its Service is not");
}

#[test]
fn a_server_that_replaces_what_is_there() {
    let scenario = Scenario::new("replacement", &[ALPHA, BETA]).before(|server| server.broken.replaces = true);
    is_found(&scenario, "took uid-1, which another has created");
}

#[test]
fn a_create_that_asks_once() {
    let scenario = Scenario::new("no second try", &[ALPHA, BETA])
        .verbs(|call, gate| Box::pin(altered(call, gate, Alteration::NoSecondTry)));
    is_found(&scenario, "ended with an error");
}

#[test]
fn a_service_that_belongs_to_nobody() {
    let scenario =
        Scenario::new("no owner", &[ALPHA]).verbs(|call, gate| Box::pin(altered(call, gate, Alteration::NoOwner)));
    is_found(&scenario, "the Service does not belong to the StatefulSet");
}

#[test]
fn an_update_that_writes_to_whatever_version_is_there() {
    let calls = [
        Call::Update("alpha", "two:2", false),
        Call::Update("beta", "three:3", true),
    ];
    let scenario = Scenario::new("any version", &calls)
        .before(alphas)
        .faults(0)
        .waits(0)
        .allows(is_unchanged)
        .verbs(|call, gate| Box::pin(altered(call, gate, Alteration::AnyVersion)));
    is_found(&scenario, "has written into the service of");
}

#[test]
fn a_delete_of_two_halves_each_by_itself() {
    let scenario = Scenario::new("two halves", &[BETA, Call::Clean])
        .faults(0)
        .verbs(in_halves);
    is_found(&scenario, "the StatefulSet is there and its Service is not");
}

#[test]
fn an_abort_of_two_halves_each_by_itself() {
    let calls = [ALPHA, BETA, Call::Abort("beta")];
    let scenario = Scenario::new("two halves", &calls).faults(0).verbs(in_halves);
    is_found(&scenario, "the StatefulSet is there and its Service is not");
}

#[test]
fn a_create_that_takes_whatever_service_is_in_its_way() {
    let calls = [ALPHA, BETA, Call::Clean];
    let scenario = Scenario::new("in its way", &calls)
        .faults(0)
        .waits(0)
        .verbs(|call, gate| match call {
            Call::Create(..) => Box::pin(ruthless(call, gate)),
            _ => begin(call, gate),
        });
    is_found(&scenario, "the StatefulSet is there and its Service is not");
}

#[test]
fn a_create_that_takes_back_what_another_may_have_finished() {
    let scenario = Scenario::new("taken back", &[ALPHA, BETA])
        .faults(2)
        .slowly()
        .verbs(|call, gate| {
            Box::pin(async move {
                let result = begin(call, gate.clone()).await;
                if matches!(result.error(), Some(Error::Unavailable { .. })) {
                    let there: Option<StatefulSet> = gate.read(NAMESPACE, NAME).await.ok().flatten();
                    let uid = there.and_then(|there| there.metadata.uid).unwrap_or_default();
                    let _ = gate.delete::<StatefulSet>(NAMESPACE, NAME, &uid).await;
                }
                result
            })
        });
    is_found(&scenario, "which another has created");
}

#[test]
fn a_create_that_does_not_write_that_it_adopts() {
    let scenario = retracting().verbs(|call, gate| Box::pin(altered(call, gate, Alteration::NoAdoption)));
    is_found(&scenario, "took uid-");
}

#[test]
fn a_retraction_of_whatever_version_is_there() {
    let scenario = retracting().verbs(|call, gate| Box::pin(altered(call, gate, Alteration::AnyVersion)));
    is_found(&scenario, "took uid-");
}

#[test]
fn a_create_that_nobody_takes_back() {
    let scenario = Scenario::new("planted", &[ALPHA])
        .retracts()
        .succeeded_by(|_| Call::GiveUp)
        .verbs(|call, gate| match call {
            Call::Retract(_) => Box::pin(async { Answer::Nothing }),
            _ => begin(call, gate),
        });
    is_found(&scenario, "is left, and nobody was told of it");
}

/// A create that may be cancelled, and another one.
fn retracting() -> Scenario {
    Scenario::new("planted", &[ALPHA, BETA]).retracts().waits(0)
}

#[test]
fn a_poll_that_ends_whatever_version_is_there() {
    let poll = Call::Conclude("alpha", "uid-1", false);
    let scenario = Scenario::new("any version", &[poll, Call::Recover])
        .before(failed_alphas)
        .faults(0)
        .waits(0)
        .verbs(|call, gate| match call {
            Call::Recover => begin(call, gate),
            _ => Box::pin(altered(call, gate, Alteration::AnyVersion)),
        });
    is_found(&scenario, "had recovered, and was deleted");
}

#[test]
fn a_poll_that_records_nothing() {
    let poll = Call::Conclude("alpha", "uid-1", false);
    let scenario = Scenario::new("no record", &[poll])
        .before(failed_alphas)
        .verbs(|call, gate| Box::pin(altered(call, gate, Alteration::NoEvents)));
    is_found(&scenario, "the verdict is");
}

#[test]
fn a_sleep_at_whatever_version_is_there() {
    let scenario = Scenario::new("any version", &[Call::Hold("f2/n0", "one:1", "f2"), Call::Sleep])
        .before(unused)
        .faults(0)
        .waits(0)
        .allows(is_in_use)
        .verbs(|call, gate| Box::pin(altered(call, gate, Alteration::AnyVersion)));
    is_found(&scenario, "has joined a service that sleeps");
}

#[test]
fn a_reaper_that_deletes_whatever_version_is_there() {
    let scenario = Scenario::new("any version", &[Call::Hold("f2/n0", "one:1", "f2"), Call::Reap])
        .before(held_by_one_that_ended)
        .faults(0)
        .waits(0)
        .verbs(|call, gate| Box::pin(altered(call, gate, Alteration::AnyVersion)));
    is_found(&scenario, "is gone, and f2, which holds it, goes on");
}

#[test]
fn a_run_that_joins_a_service_and_leaves_its_owner() {
    let scenario = Scenario::new(
        "an owner that nobody sees",
        &[Call::Hold("f2/n0", "one:1", "f2"), Call::End("f1")],
    )
    .before(owned)
    .faults(0)
    .waits(0)
    .verbs(|call, gate| Box::pin(altered(call, gate, Alteration::HiddenOwners)));
    is_found(&scenario, "is gone, and f2, which holds it, goes on");
}

/// Runs a call against a cluster that is not what it should be.
async fn altered(call: Call, gate: Gate, alteration: Alteration) -> Answer {
    let number = gate.call;
    Box::pin(answer(call, Altered(gate, alteration), number)).await
}

/// In what a cluster is not what it should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alteration {
    NoOwner,
    NoSecondTry,
    /// A write is to whatever is there.
    AnyVersion,
    /// That a service is adopted is not written.
    NoAdoption,
    /// No Event is written.
    NoEvents,
    /// Reads do not show which objects own a `StatefulSet`.
    HiddenOwners,
}

/// A cluster that is not what it should be.
struct Altered(Gate, Alteration);

impl Api for Altered {
    async fn read<K: Kind>(&self, namespace: &str, name: &str) -> Result<Option<K>, Fault> {
        let mut read: Option<K> = self.0.read(namespace, name).await?;
        if self.1 == Alteration::HiddenOwners
            && K::kind(&()) == "StatefulSet"
            && let Some(object) = &mut read
        {
            object.meta_mut().owner_references = None;
        }
        Ok(read)
    }

    async fn list<K: Kind>(&self, namespace: &str, labels: &str, fields: &str) -> Result<Vec<K>, Fault> {
        self.0.list(namespace, labels, fields).await
    }

    async fn log(&self, namespace: &str, pod: &str, container: &str, lines: i64) -> Result<String, Fault> {
        self.0.log(namespace, pod, container, lines).await
    }

    async fn create<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let mut object = object.clone();
        if self.1 == Alteration::NoEvents && K::kind(&()) == "Event" {
            return Ok(object);
        }
        if self.1 == Alteration::NoOwner {
            object.meta_mut().owner_references = None;
        }
        self.0.create(&object).await.map_err(|fault| match fault {
            Fault::Transient { message, .. } if self.1 == Alteration::NoSecondTry => Fault::Refused {
                code: 500,
                reason: "InternalError".to_owned(),
                message,
            },
            fault => fault,
        })
    }

    async fn delete<K: Kind>(&self, namespace: &str, name: &str, uid: &str) -> Result<Deleted, Fault> {
        self.0.delete::<K>(namespace, name, uid).await
    }

    async fn delete_version<K: Kind>(&self, object: &K) -> Result<Deleted, Fault> {
        if self.1 == Alteration::AnyVersion {
            let metadata = object.meta();
            let (name, uid) = (metadata.name.as_deref(), metadata.uid.as_deref());
            return self
                .delete::<K>(NAMESPACE, name.unwrap_or_default(), uid.unwrap_or_default())
                .await;
        }
        self.0.delete_version(object).await
    }

    async fn annotate<K: Kind>(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        annotations: &[Annotation<'_>],
    ) -> Result<(), Fault> {
        if self.1 == Alteration::NoAdoption && annotations.iter().any(|(key, _)| key.starts_with(ADOPTED_PREFIX)) {
            return Ok(());
        }
        self.0.annotate::<K>(namespace, name, uid, annotations).await
    }

    async fn set_annotations<K: Kind>(&self, object: &K, annotations: &[Annotation<'_>]) -> Result<(), Fault> {
        self.0.set_annotations(object, annotations).await
    }

    async fn set_owners<K: Kind>(&self, object: &K, owners: &[OwnerReference]) -> Result<(), Fault> {
        self.0.set_owners(object, owners).await
    }

    async fn scale(
        &self,
        stateful_set: &StatefulSet,
        replicas: i32,
        annotations: &[Annotation<'_>],
    ) -> Result<StatefulSet, Fault> {
        let mut set = stateful_set.clone();
        if self.1 == Alteration::AnyVersion {
            let there = self.0.read::<StatefulSet>(NAMESPACE, NAME).await?;
            set.metadata.resource_version = there.and_then(|there| there.metadata.resource_version);
        }
        self.0.scale(&set, replicas, annotations).await
    }

    async fn apply<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        let mut object = object.clone();
        if self.1 == Alteration::AnyVersion {
            let name = object.meta().name.clone().unwrap_or_default();
            let there = self.0.read::<K>(NAMESPACE, &name).await?;
            object.meta_mut().resource_version = there.and_then(|there| there.meta().resource_version.clone());
        }
        self.0.apply(&object).await
    }

    async fn preview<K: Kind>(&self, object: &K) -> Result<K, Fault> {
        self.0.preview(object).await
    }

    async fn note_managers<K: Kind>(&self, object: &K, managers: &[ManagedFieldsEntry]) -> Result<K, Fault> {
        self.0.note_managers(object, managers).await
    }

    async fn list_chunk<K: Kind>(&self, selection: &Selection, token: Option<&str>) -> Result<Chunk<K>, Fault> {
        self.0.list_chunk(selection, token).await
    }

    async fn changes<K: Kind>(&self, selection: &Selection, version: &str) -> Result<Changes<K>, Fault> {
        self.0.changes(selection, version).await
    }
}

/// A delete that asks each object alone whose it is.
fn in_halves(call: Call, gate: Gate) -> Answering {
    async fn half<K: Kind>(call: Call, gate: &Gate) -> Result<(), Fault> {
        let Some(there) = gate.read::<K>(NAMESPACE, NAME).await? else {
            return Ok(());
        };
        let uid = there.meta().uid.clone().unwrap_or_default();
        let covered = match call {
            Call::Abort(owner) => is_owned_by(there.meta(), owner),
            _ => true,
        };
        if covered {
            gate.delete::<K>(NAMESPACE, NAME, &uid).await?;
        }
        Ok(())
    }
    match call {
        Call::Create(..) => begin(call, gate),
        _ => Box::pin(async move {
            let (set, service) = tokio::join!(half::<StatefulSet>(call, &gate), half::<Service>(call, &gate));
            Answer::Deleted(set.and(service).map(|()| Deletion::NothingThere).map_err(failed))
        }),
    }
}

/// A create that deletes a Service of its name, whatever it belongs to.
async fn ruthless(call: Call, gate: Gate) -> Answer {
    Answer::Created(make(call, &gate).await.map_err(failed))
}

async fn make(call: Call, gate: &Gate) -> Result<Created, Fault> {
    let Call::Create(owner, image) = call else {
        unreachable!("only creates come here")
    };
    let objects = objects(image, owner);
    let set = loop {
        match gate.create(&objects.stateful_set).await {
            Ok(made) => break made,
            Err(Fault::AlreadyExists) => {}
            Err(fault) => return Err(fault),
        }
        if let Some(there) = gate.read::<StatefulSet>(NAMESPACE, NAME).await? {
            break there;
        }
    };
    let uid = set.metadata.uid.clone().unwrap_or_default();
    loop {
        match gate.create(&objects.dependents_of(&uid).service).await {
            Err(Fault::AlreadyExists) => {}
            Err(fault) => return Err(fault),
            Ok(_) => break,
        }
        let Some(there) = gate.read::<Service>(NAMESPACE, NAME).await? else {
            continue;
        };
        let owners = there.metadata.owner_references.unwrap_or_default();
        if owners.iter().any(|owner| owner.uid == uid) {
            break;
        }
        let uid = there.metadata.uid.unwrap_or_default();
        gate.delete::<Service>(NAMESPACE, NAME, &uid).await?;
    }
    let ours = is_owned_by(&set.metadata, owner);
    Ok(Created {
        name: NAME.to_owned(),
        namespace: NAMESPACE.to_owned(),
        uid,
        is_new: false,
        shared_with: (!ours).then(|| "another".to_owned()),
        is_held: true,
        woken_at: None,
    })
}

fn failed(fault: Fault) -> Error {
    fault.into_error("use", ("", "objects"), ObjectReference::new("Object", NAMESPACE, NAME))
}
