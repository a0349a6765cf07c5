//! One leader among the processes that end services in a namespace, by a Lease.
//!
//! Nothing depends on it but the number of requests: every change of a service is made at the version that was read, so
//! any number of processes may do so. The rules are those of client-go: the leader renews the Lease, and another
//! process takes it once it has not changed for its whole duration, by that process's own clock.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use tokio::time::{Duration, Instant, timeout};
use uuid::Uuid;

use crate::cluster::{Api, Fault, server_time};
use crate::error::ObjectReference;
use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL};
use crate::swallowed::{self, LastCause};

/// The Lease of a namespace.
pub(super) const NAME: &str = "k8sdataservice-reaper";

/// For how long the Lease is the leader's after a renewal, in seconds.
const DURATION: i32 = 15;

/// How often the leader renews it.
const RENEWAL: Duration = Duration::from_secs(5);

/// For how long a leader leads that cannot renew it.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long a request may take.
const REQUEST: Duration = Duration::from_secs(3);

/// For how long the requests may fail before this process does without the Lease: longer than a leader's Lease lasts.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long to do without the Lease where it cannot be used.
const ALONE: Duration = Duration::from_mins(10);

/// The part of this process in the election of a namespace.
pub(super) struct Election {
    identity: String,
    role: Role,
    /// Since when the requests fail.
    failing: Option<Instant>,
    /// Why the Lease cannot be used, which is logged.
    trouble: LastCause,
}

enum Role {
    /// Another process leads, or nobody: the version of the Lease, and since when it is that.
    Follower(Option<(String, Instant)>),
    /// This process leads, with the Lease as it was renewed last, and when that was.
    Leader(Box<Lease>, Instant),
    /// The Lease cannot be used, so that this process looks after the services by itself, until it tries again.
    Alone(Instant),
}

/// The next step of a follower.
#[derive(Debug, PartialEq, Eq)]
enum Move {
    /// The Lease is to be made.
    Create,
    /// The Lease is nobody's any more, and to be taken.
    Take,
    /// Another process has it.
    Wait,
}

impl Election {
    pub(super) fn new() -> Self {
        Self {
            identity: format!("{}_{}", host(), Uuid::new_v4()),
            role: Role::Follower(None),
            failing: None,
            trouble: LastCause::default(),
        }
    }

    /// Whether this process is to look after the services of the namespace now. It is called every two seconds.
    pub(super) async fn leads<A: Api>(&mut self, api: &A, namespace: &str) -> bool {
        let fault = match timeout(REQUEST, self.step(api, namespace)).await {
            Ok(Ok(leads)) => {
                if !matches!(self.role, Role::Alone(_)) {
                    self.trouble.clear();
                }
                self.failing = None;
                return leads;
            }
            Ok(Err(fault)) => fault,
            Err(_) => Fault::transient("the API server did not answer in time"),
        };
        let failing = *self.failing.get_or_insert_with(Instant::now);
        let may_pass = matches!(fault, Fault::Transient { .. }) && failing.elapsed() < PATIENCE;
        if !may_pass || matches!(self.role, Role::Alone(_)) {
            // Services end also where the Lease cannot be used.
            self.role = Role::Alone(Instant::now() + ALONE);
            self.log(namespace, &fault);
            return true;
        }
        match &self.role {
            Role::Leader(_, renewed) if renewed.elapsed() < DEADLINE => true,
            Role::Leader(..) => {
                self.role = Role::Follower(None);
                false
            }
            // What was seen of the Lease counts on: faults do not put off a takeover.
            Role::Follower(_) | Role::Alone(_) => false,
        }
    }

    /// Whether this process leads; `None` where it does without the Lease.
    pub(super) fn is_leader(&self) -> Option<bool> {
        match &self.role {
            Role::Leader(..) => Some(true),
            Role::Follower(_) => Some(false),
            Role::Alone(_) => None,
        }
    }

    /// Gives the Lease up, since there is nothing to look after.
    pub(super) async fn resign<A: Api>(&mut self, api: &A) {
        if let Role::Leader(lease, _) = std::mem::replace(&mut self.role, Role::Follower(None)) {
            let mut lease = renewed(&lease, server_time::now());
            lease.spec.get_or_insert_default().lease_duration_seconds = Some(1);
            let cause = match timeout(REQUEST, api.apply(&lease)).await {
                // Another process that has changed it leads.
                Ok(Ok(_) | Err(Fault::Changed)) => return,
                Ok(Err(fault)) => fault.to_string(),
                Err(_) => format!("the API server did not answer within {} s", REQUEST.as_secs()),
            };
            let namespace = lease.metadata.namespace.as_deref().unwrap_or_default();
            let object = ObjectReference::new("Lease", namespace, NAME);
            swallowed::log("it was not given up, and expires", &object, &cause);
        }
    }

    async fn step<A: Api>(&mut self, api: &A, namespace: &str) -> Result<bool, Fault> {
        let wanted = match &self.role {
            Role::Alone(until) if Instant::now() < *until => return Ok(true),
            Role::Leader(_, renewed) if renewed.elapsed() < RENEWAL => return Ok(true),
            Role::Leader(lease, _) => renewed(lease, server_time::now()),
            Role::Follower(_) | Role::Alone(_) => {
                let there = api.read::<Lease>(namespace, NAME).await?;
                match (self.judge(there.as_ref(), Instant::now()), there) {
                    (Move::Take, Some(there)) => taken(&there, &self.identity, server_time::now()),
                    (Move::Create, _) => return self.create(api, namespace).await,
                    _ => return Ok(false),
                }
            }
        };
        match api.apply(&wanted).await {
            Ok(lease) => {
                self.lead(namespace, lease);
                Ok(true)
            }
            // Another process was faster.
            Err(Fault::Changed) => {
                self.role = Role::Follower(None);
                Ok(false)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn create<A: Api>(&mut self, api: &A, namespace: &str) -> Result<bool, Fault> {
        match api
            .create(&new_lease(namespace, &self.identity, server_time::now()))
            .await
        {
            Ok(lease) => {
                self.lead(namespace, lease);
                Ok(true)
            }
            Err(Fault::AlreadyExists) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// The next step, by the Lease as it is now.
    fn judge(&mut self, there: Option<&Lease>, now: Instant) -> Move {
        let Some(there) = there else { return Move::Create };
        let spec = there.spec.as_ref();
        let has_holder = spec
            .and_then(|spec| spec.holder_identity.as_deref())
            .is_some_and(|holder| !holder.is_empty());
        if !has_holder {
            return Move::Take;
        }
        let version = there.metadata.resource_version.clone().unwrap_or_default();
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or(DURATION);
        let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        match &self.role {
            Role::Follower(Some((seen, since))) if *seen == version => {
                if now.duration_since(*since) >= duration {
                    Move::Take
                } else {
                    Move::Wait
                }
            }
            _ => {
                self.role = Role::Follower(Some((version, now)));
                Move::Wait
            }
        }
    }

    fn lead(&mut self, namespace: &str, lease: Lease) {
        if !matches!(self.role, Role::Leader(..)) {
            let identity = &self.identity;
            tracing::debug!(
                namespace,
                "{identity} ends the services of namespace {namespace} from now on."
            );
        }
        self.role = Role::Leader(Box::new(lease), Instant::now());
    }

    fn log(&mut self, namespace: &str, fault: &Fault) {
        let cause = fault.to_string();
        if self.trouble.is_new(&cause) {
            tracing::info!(
                namespace,
                object = format!("Lease {NAME}"),
                cause,
                "Lease {NAME} in namespace {namespace} cannot be used, so that every connector ends services there, \
                 which is correct, but costs more requests: {cause}"
            );
        }
    }
}

fn new_lease(namespace: &str, identity: &str, now: Timestamp) -> Lease {
    let metadata = ObjectMeta {
        namespace: Some(namespace.to_owned()),
        ..ObjectMeta::default()
    };
    let spec = Some(LeaseSpec::default());
    taken(&Lease { metadata, spec }, identity, now)
}

/// The Lease of a new leader.
fn taken(lease: &Lease, identity: &str, now: Timestamp) -> Lease {
    let mut lease = renewed(lease, now);
    let spec = lease.spec.get_or_insert_default();
    if spec.holder_identity.is_some() {
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default() + 1);
    }
    spec.holder_identity = Some(identity.to_owned());
    spec.lease_duration_seconds = Some(DURATION);
    spec.acquire_time = Some(MicroTime(now));
    lease
}

/// The manifest that renews exactly this version of the Lease.
fn renewed(lease: &Lease, now: Timestamp) -> Lease {
    let labels = [(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())];
    let there = &lease.metadata;
    Lease {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            namespace: there.namespace.clone(),
            uid: there.uid.clone(),
            resource_version: there.resource_version.clone(),
            labels: Some(labels.into()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            renew_time: Some(MicroTime(now)),
            ..lease.spec.clone().unwrap_or_default()
        }),
    }
}

/// The name of this machine, which in a pod is the pod's.
fn host() -> String {
    std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "k8sdataservice".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swallowed::recorder::record;
    use crate::watch::scripted::{Scripted, forbidden};

    fn lease(holder: Option<&str>, version: &str) -> Lease {
        let mut lease = new_lease("flyte", "x", Timestamp::UNIX_EPOCH);
        lease.metadata.resource_version = Some(version.to_owned());
        lease.spec.get_or_insert_default().holder_identity = holder.map(str::to_owned);
        lease
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_lease_is_taken_once_it_has_not_changed_for_its_duration() {
        let (mut election, start) = (Election::new(), Instant::now());
        let (first, renewed) = (lease(Some("other"), "1"), lease(Some("other"), "2"));
        assert_eq!(election.judge(Some(&first), start), Move::Wait);
        assert_eq!(election.judge(Some(&first), after(start, 14)), Move::Wait);
        assert_eq!(
            election.judge(Some(&renewed), after(start, 15)),
            Move::Wait,
            "it was renewed"
        );
        assert_eq!(election.judge(Some(&renewed), after(start, 29)), Move::Wait);
        assert_eq!(election.judge(Some(&renewed), after(start, 30)), Move::Take);
    }

    #[test]
    fn a_lease_that_nobody_has_is_made_or_taken_at_once() {
        let (mut election, start) = (Election::new(), Instant::now());
        assert_eq!(election.judge(None, start), Move::Create);
        assert_eq!(election.judge(Some(&lease(None, "1")), start), Move::Take);
        assert_eq!(election.judge(Some(&lease(Some(""), "1")), start), Move::Take);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_renews_and_gives_way_to_another() {
        // The third renewal meets a Lease that another process has taken.
        let api = Scripted::with_applies(|_, before| if before < 2 { Ok(()) } else { Err(Fault::Changed) });
        let mut election = Election::new();
        let mut led = Vec::new();
        for _ in 0..10 {
            led.push(election.leads(&api, "flyte").await);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        assert_eq!(api.asked("apply").len(), 3);
        // The scripted cluster has no Lease to read, so that it is made again.
        assert_eq!(led, [true, true, true, true, true, true, true, true, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_cannot_renew_leads_for_ten_seconds() {
        let api = Scripted::with_applies(|_, _| Err(Fault::transient("away")));
        let mut election = Election::new();
        let mut led = Vec::new();
        for _ in 0..7 {
            led.push(election.leads(&api, "flyte").await);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        assert_eq!(
            led,
            [true, true, true, true, true, false, true],
            "then the Lease is made again"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn services_end_also_while_every_request_for_the_lease_fails() {
        let api = Scripted::with_applies(|_, _| Err(Fault::transient("away")));
        let mut there = lease(Some(""), "1");
        there.metadata.name = Some(NAME.to_owned());
        let mut there = serde_json::to_value(there).expect("JSON");
        there["kind"] = "Lease".into();
        api.add(there);
        let mut election = Election::new();
        let mut led = Vec::new();
        for _ in 0..700 {
            led.push(election.leads(&api, "flyte").await);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        assert_eq!(led.iter().position(|leads| *leads), Some(10), "after 20 s");
        assert!(led[10..].iter().all(|leads| *leads));
        // Ten tries at first, and one in ten minutes since.
        assert_eq!(api.asked("apply").len(), 13);
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_without_the_permission_looks_after_the_services_by_itself() {
        let api = Scripted::with_applies(|_, _| Err(forbidden()));
        let mut election = Election::new();
        assert_eq!(election.is_leader(), Some(false));
        for _ in 0..10 {
            assert!(election.leads(&api, "flyte").await);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        assert_eq!(api.asked("apply").len(), 1);
        assert_eq!(election.is_leader(), None);
    }

    #[test]
    fn a_lease_counts_its_leaders() {
        let now = Timestamp::UNIX_EPOCH;
        let spec = |lease: &Lease| lease.spec.clone().expect("a spec");
        let first = new_lease("flyte", "one", now);
        assert_eq!(
            (spec(&first).lease_transitions, spec(&first).renew_time),
            (None, Some(MicroTime(now)))
        );
        let second = taken(&first, "two", now);
        assert_eq!(
            (spec(&second).lease_transitions, spec(&second).holder_identity),
            (Some(1), Some("two".to_owned()))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_could_not_be_given_up_is_logged() {
        let answers: [fn() -> Result<(), Fault>; 3] = [|| Ok(()), || Err(Fault::Changed), || Err(forbidden())];
        let logs = [None, None, Some("it was not given up, and expires: forbidden")];
        for (answer, logged) in answers.into_iter().zip(logs) {
            let api = Scripted::with_applies(move |_, _| answer());
            let mut election = Election::new();
            election.lead("resigned", lease(Some("x"), "1"));
            let (records, guard) = record();
            election.resign(&api).await;
            drop(guard);
            let messages: Vec<String> = records.all().into_iter().map(|record| record.message).collect();
            assert_eq!(messages.len(), usize::from(logged.is_some()), "{messages:?}");
            assert!(
                messages
                    .iter()
                    .all(|message| logged.is_some_and(|logged| message.contains(logged))),
                "{messages:?}"
            );
        }
    }
}
