//! The actors: each makes one call of the lifecycle, and is made again where its process dies.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use k8sdataservice::cluster::{Api, FlyteWorkflow, MetadataOf};
use k8sdataservice::config::lifetime::{Bound, Lifetime};
use k8sdataservice::config::{DataServiceSpec, Target};
use k8sdataservice::error::{Error, ObjectReference, Result};
use k8sdataservice::identity::execution::{Execution, Run};
use k8sdataservice::identity::holder::{FLYTE_WORKFLOW, Holder};
use k8sdataservice::identity::owner::{Caller, Identity, Owner};
use k8sdataservice::lifecycle::{
    self, Access, CallId, Created, Deadline, Deletion, Draft, Ending, Failing, Retraction, Scope, Updated,
};
use k8sdataservice::lifetime;
use k8sdataservice::manifests::Objects;
use k8sdataservice::status::Status;
use k8sdataservice::status::diagnosis::GracePeriods;
use serde_json::json;

use crate::gate::{Gate, lock};

pub const NAMESPACE: &str = "flyte";
pub const NAME: &str = "feature-store";

/// How long a call may take, as in the client that Flyte's connector uses.
const TIMEOUT: Duration = Duration::from_millis(2500);

/// For how long what a create may have made is looked for: longer than one look that nobody answers. What a request
/// does here is done at once.
const RETRACTION: Duration = Duration::from_secs(6);

/// For how long a service is kept that has failed.
const KEPT: Duration = Duration::from_hours(1);

/// One call of the lifecycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Create, for an owner and with an image.
    Create(&'static str, &'static str),
    /// Create, for an owner and with an image, a service that ends with its runs, which a run then holds.
    Hold(&'static str, &'static str, &'static str),
    /// A run is aborted: its object is deleted.
    End(&'static str),
    /// A run ends by success: its object gets a label, and stays.
    Succeed(&'static str),
    /// End the services that no run uses any more.
    Reap,
    /// Put the service to sleep, unless a run uses it.
    Sleep,
    /// Wake the service.
    Wake,
    /// Take back what the call with this number has made, which has ended without an answer.
    Retract(usize),
    /// Nothing: Flyte has given up.
    GiveUp,
    /// Update, for an owner, to an image; whether what is another's is taken over.
    Update(&'static str, &'static str, bool),
    /// Delete what was made for an owner, as an abort does.
    Abort(&'static str),
    /// Delete whatever the plugin has made, as the sensor does.
    Clean,
    /// Keep what has failed for a while, for people to look at.
    Keep(&'static str),
    /// Poll the service with a uid that was made for an owner, and end it if it has failed; whether it is kept then.
    Conclude(&'static str, &'static str, bool),
    /// The service of the name gets ready, by itself.
    Recover,
    /// Observe the service of the name, as a task that uses an existing one does.
    Attach,
    /// Observe the service with a uid, as a task that has made it does.
    Poll(&'static str),
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(owner, image) => write!(formatter, "create for {owner} with {image}"),
            Self::Hold(owner, image, run) => write!(formatter, "create for {owner} with {image}, held by {run}"),
            Self::End(run) => write!(formatter, "end of {run}"),
            Self::Succeed(run) => write!(formatter, "success of {run}"),
            Self::Reap => write!(formatter, "reaper"),
            Self::Sleep => write!(formatter, "sleep"),
            Self::Wake => write!(formatter, "wake"),
            Self::Update(owner, image, adopt) => {
                let verb = if *adopt { "adopt" } else { "update" };
                write!(formatter, "{verb} for {owner} with {image}")
            }
            Self::Abort(owner) => write!(formatter, "abort of {owner}"),
            Self::Clean => write!(formatter, "sensor"),
            Self::Keep(owner) => write!(formatter, "keep for {owner}"),
            Self::Conclude(owner, uid, keeps) => {
                let kept = if *keeps { ", kept" } else { "" };
                write!(formatter, "poll and end of {uid} for {owner}{kept}")
            }
            Self::Recover => write!(formatter, "recovery"),
            Self::Retract(call) => write!(formatter, "retraction of call {call}"),
            Self::GiveUp => write!(formatter, "nothing"),
            Self::Attach => write!(formatter, "attach"),
            Self::Poll(uid) => write!(formatter, "poll of {uid}"),
        }
    }
}

/// What a call has come to.
#[derive(Debug)]
pub enum Answer {
    Created(Result<Created>),
    Updated(Result<Updated>),
    Deleted(Result<Deletion>),
    Observed(Result<Status>),
    Recovered,
    Reaped(Result<()>),
    Slept(Result<()>),
    Woken(Result<()>),
    Retracted(Retraction),
    Nothing,
    /// Whether there was something to keep.
    Kept(Result<bool>),
}

impl Answer {
    /// The error, if it is one.
    pub fn error(&self) -> Option<&k8sdataservice::error::Error> {
        let error = match self {
            Self::Created(answer) => answer.as_ref().err(),
            Self::Updated(answer) => answer.as_ref().err(),
            Self::Deleted(answer) => answer.as_ref().err(),
            Self::Observed(answer) => answer.as_ref().err(),
            Self::Kept(answer) => answer.as_ref().err(),
            Self::Reaped(answer) | Self::Slept(answer) | Self::Woken(answer) => answer.as_ref().err(),
            Self::Recovered | Self::Retracted(_) | Self::Nothing => None,
        };
        error.map(k8sdataservice::error::Error::cause)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created(Ok(created)) => {
                write!(formatter, "created {}", created.uid)?;
                match &created.shared_with {
                    Some(owner) => write!(formatter, ", shared with {owner}"),
                    None => Ok(()),
                }
            }
            Self::Updated(Ok(updated)) => write!(formatter, "{}: {updated}", updated.uid),
            Self::Deleted(Ok(deletion)) => write!(formatter, "{deletion:?}"),
            Self::Observed(Ok(status)) => write!(formatter, "{:?} ({})", status.phase, status.reason),
            Self::Kept(Ok(kept)) => write!(formatter, "kept: {kept}"),
            Self::Recovered => write!(formatter, "recovered"),
            Self::Reaped(Ok(())) => write!(formatter, "reaped"),
            Self::Slept(Ok(())) => write!(formatter, "slept"),
            Self::Woken(Ok(())) => write!(formatter, "woken"),
            Self::Retracted(retraction) => write!(formatter, "{retraction:?}"),
            Self::Nothing => write!(formatter, "nothing"),
            _ => write!(formatter, "{}", self.error().expect("an answer or an error")),
        }
    }
}

pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Begins a call with the verbs of the lifecycle.
pub fn begin(call: Call, gate: Gate) -> Answering {
    if call == Call::Recover {
        return Box::pin(async move {
            let _ = gate.recover(NAME).await;
            Answer::Recovered
        });
    }
    if let Call::Succeed(run) = call {
        return Box::pin(async move {
            let _ = gate.succeed(run).await;
            Answer::Nothing
        });
    }
    let number = gate.call;
    Box::pin(answer(call, gate, number))
}

/// Runs a call, which has this number, with the verbs of the lifecycle.
pub async fn answer<A: Api>(call: Call, api: A, number: usize) -> Answer {
    let (deadline, grace) = (Deadline::after(TIMEOUT), GracePeriods::default());
    match call {
        Call::Create(owner, image) => {
            let id = CallId::named(number.to_string());
            let created = lifecycle::create(&api, &objects(image, owner), &id, deadline).await;
            if let Err(error) = &created
                && !matches!(error, Error::Unavailable { .. })
                && id.may_leave(error)
            {
                // As the client does. What follows on a create without an answer is the scenario's.
                lifecycle::retract(&api, NAMESPACE, NAME, &id, RETRACTION).await;
            }
            Answer::Created(created)
        }
        Call::Hold(owner, image, run) => Answer::Created(hold(&api, owner, image, run, number, deadline).await),
        Call::End(run) => {
            end(&api, run).await;
            Answer::Nothing
        }
        Call::Reap => Answer::Reaped(reap(&api, deadline).await),
        Call::Sleep => {
            let sleeping = lifetime::sleep((&api, &api), NAMESPACE, NAME, false, deadline);
            Answer::Slept(Box::pin(sleeping).await.map(|_| ()))
        }
        Call::Wake => Answer::Woken(lifecycle::wake(&api, NAMESPACE, NAME, deadline).await.map(|_| ())),
        Call::Update(owner, image, adopt) => {
            let access = Access {
                caller: Caller {
                    owner: identity(owner).owner,
                    labels: None,
                    annotations: None,
                    run: None,
                },
                adopt,
            };
            let (spec, check) = (spec(image), |_: &Objects| Ok(()));
            let draft = Draft::new(&spec, &check);
            Answer::Updated(lifecycle::update(&api, draft, (NAMESPACE, NAME), &access, deadline).await)
        }
        Call::Abort(_) | Call::Clean => {
            let asker = (&scope(call), &[][..]);
            Answer::Deleted(lifetime::delete((&api, &api), NAMESPACE, NAME, asker, &mut Vec::new(), deadline).await)
        }
        Call::Keep(owner) => {
            let kept = lifecycle::keep(&api, NAMESPACE, NAME, owner, KEPT, deadline).await;
            Answer::Kept(kept.map(|until| until.is_some()))
        }
        Call::Conclude(owner, uid, keeps) => Answer::Observed(conclude(&api, owner, uid, keeps, deadline).await),
        Call::Retract(number) => {
            let id = CallId::named(number.to_string());
            Answer::Retracted(lifecycle::retract(&api, NAMESPACE, NAME, &id, RETRACTION).await)
        }
        Call::GiveUp => Answer::Nothing,
        Call::Recover | Call::Succeed(_) => unreachable!("the gate does so"),
        Call::Attach => Answer::Observed(lifecycle::observe(&api, NAMESPACE, NAME, None, &grace, deadline).await),
        Call::Poll(uid) => {
            Answer::Observed(lifecycle::observe(&api, NAMESPACE, NAME, Some(uid), &grace, deadline).await)
        }
    }
}

/// Creates as the client does: a run that is seen to go on holds the service.
async fn hold<A: Api>(
    api: &A,
    owner: &str,
    image: &'static str,
    run: &str,
    number: usize,
    deadline: Deadline,
) -> Result<Created> {
    // A run that cannot be seen holds nothing, which is not what is explored here.
    let seen = loop {
        if let Ok(seen) = api.read::<MetadataOf<FlyteWorkflow>>(NAMESPACE, run).await {
            break seen;
        }
    };
    let holder = seen.map(|seen| holder(owner, run, seen.metadata.uid.unwrap_or_default()));
    let id = CallId::named(number.to_string()).held_by(holder);
    lifecycle::create(api, &bound_objects(image, owner), &id, deadline).await
}

/// Deletes the object of a run, as flytepropeller does in the end of an abort.
async fn end<A: Api>(api: &A, run: &str) {
    loop {
        match api.read::<MetadataOf<FlyteWorkflow>>(NAMESPACE, run).await {
            Ok(None) => return,
            Ok(Some(there)) => {
                let uid = there.metadata.uid.unwrap_or_default();
                if api
                    .delete::<MetadataOf<FlyteWorkflow>>(NAMESPACE, run, &uid)
                    .await
                    .is_ok()
                {
                    return;
                }
            }
            Err(_) => {}
        }
    }
}

async fn reap<A: Api>(api: &A, deadline: Deadline) -> Result<()> {
    // One after the other: a future that waits beside others is only polled again where somebody wakes it.
    for set in lifecycle::list_ours(api, NAMESPACE, deadline).await? {
        let uid = set.metadata.uid.unwrap_or_default();
        Box::pin(lifetime::reap((api, api), (NAMESPACE, NAME, &uid), false, deadline)).await?;
    }
    Ok(())
}

/// A run as a holder.
pub fn holder(owner: &str, run: &str, uid: String) -> Holder {
    Holder {
        kind: FLYTE_WORKFLOW.to_owned(),
        namespace: NAMESPACE.to_owned(),
        name: run.to_owned(),
        uid,
        owner: owner.to_owned(),
        since: "2026-01-01T00:00:00Z".to_owned(),
        identity: None,
    }
}

/// Polls and ends what has failed, as the connector does. An answer that says to ask again is an error here.
async fn conclude<A: Api>(api: &A, owner: &str, uid: &str, keeps: bool, deadline: Deadline) -> Result<Status> {
    let grace = GracePeriods::default();
    let status = lifecycle::observe(api, NAMESPACE, NAME, Some(uid), &grace, deadline).await?;
    if status.reason == "Unknown" {
        return Err(Error::Unavailable {
            verb: "get",
            object: ObjectReference::new("StatefulSet", NAMESPACE, NAME),
            seconds: TIMEOUT.as_secs_f64(),
            cause: status.message,
        });
    }
    if !status.phase.has_failed() {
        return Ok(status);
    }
    let failing = Failing {
        namespace: NAMESPACE,
        name: NAME,
        uid: Some(uid),
        verdict: &status,
    };
    let ending = Ending {
        scope: Some(Scope::OwnedBy(owner.to_owned())),
        keep: keeps.then_some(KEPT),
    };
    let concluding = lifecycle::conclude(api, failing, &ending, &grace, deadline);
    Ok(Box::pin(concluding).await?.status)
}

/// What a call to delete may take.
pub fn scope(call: Call) -> Scope {
    match call {
        Call::Abort(owner) | Call::Conclude(owner, ..) => Scope::OwnedBy(owner.to_owned()),
        _ => Scope::AnyOfOurs,
    }
}

/// A specification with this image.
pub fn spec(image: &'static str) -> DataServiceSpec {
    static PARSED: Mutex<BTreeMap<&str, DataServiceSpec>> = Mutex::new(BTreeMap::new());
    let mut parsed = lock(&PARSED);
    parsed.entry(image).or_insert_with(|| parse(image)).clone()
}

fn parse(image: &str) -> DataServiceSpec {
    match Target::parse(&json!({"Name": NAME, "Image": image, "Replicas": 0})) {
        // What a pod requests costs most of the time of a schedule, and decides nothing here.
        Ok(Target::New(spec)) => DataServiceSpec {
            requests: BTreeMap::new(),
            limits: BTreeMap::new(),
            ..spec
        },
        other => panic!("not a specification: {other:?}"),
    }
}

/// The run that an owner stands for: `f1/n0` is a node of an execution of Flyte.
fn run(owner: &str) -> Run {
    match owner.split_once('/') {
        Some((name, node_id)) => Run::Flyte(Execution {
            project: "flytesnacks".to_owned(),
            domain: "development".to_owned(),
            name: name.to_owned(),
            node_id: Some(node_id.to_owned()),
        }),
        None => owner.into(),
    }
}

/// Everything that a service of this owner has of its own.
pub fn identity(owner: &str) -> Identity {
    Identity {
        name: NAME.to_owned(),
        namespace: NAMESPACE.to_owned(),
        owner: Owner::new(owner, run(owner)),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    }
}

/// The objects of a service with this image and owner.
pub fn objects(image: &'static str, owner: &str) -> Objects {
    Objects::new(&spec(image), &identity(owner))
}

/// The objects of a service that ends with its runs.
pub fn bound_objects(image: &'static str, owner: &str) -> Objects {
    let bound = DataServiceSpec {
        lifetime: Lifetime::bound_to(Bound::Run),
        ..spec(image)
    };
    Objects::new(&bound, &identity(owner))
}

/// Somebody who makes a call.
pub struct Actor {
    pub call: Call,
    /// The number of the call, which no other one has, not even one that repeats it.
    pub number: usize,
    /// The call under way; none once it has ended.
    pub running: Option<Answering>,
    pub answer: Option<Answer>,
    /// How often the process has died, or the call was repeated after it had failed.
    pub deaths: usize,
    /// All that the call has been told so far, which is all that its state depends on.
    pub history: u64,
    /// How many of its requests have used up the time of a whole request.
    pub slow: usize,
    /// Whether any request has failed, so that it may be waiting beside another request.
    pub failed: bool,
    /// The `StatefulSet`s, with their owners, that were alive when the call made its first request.
    pub alive_at_first: Option<BTreeMap<String, Option<String>>>,
    /// Those that were alive at some moment between its first request and its end.
    pub alive_meanwhile: BTreeMap<String, Option<String>>,
    /// Whether there was none at some moment between.
    pub none_meanwhile: bool,
}

impl Actor {
    pub fn new(call: Call) -> Self {
        Self {
            call,
            number: 0,
            running: None,
            answer: None,
            deaths: 0,
            history: 0,
            slow: 0,
            failed: false,
            alive_at_first: None,
            alive_meanwhile: BTreeMap::new(),
            none_meanwhile: false,
        }
    }

    /// Begins the call, or begins it again in another process.
    pub fn begin(&mut self, running: Answering) {
        *self = Self {
            running: Some(running),
            number: self.number,
            deaths: self.deaths,
            ..Self::new(self.call)
        };
    }

    /// Notes what is alive while the call is under way: from its first request on.
    pub fn witness(&mut self, alive: &BTreeMap<String, Option<String>>) {
        if self.running.is_none() || self.alive_at_first.is_none() {
            return;
        }
        self.none_meanwhile |= alive.is_empty();
        self.alive_meanwhile
            .extend(alive.iter().map(|(uid, owner)| (uid.clone(), owner.clone())));
    }
}
