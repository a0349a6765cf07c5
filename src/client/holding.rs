//! The run that a create is for, as the holder of the service.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::service::Client;
use crate::cluster::{Api, Fault, FlyteWorkflow, Kind, MetadataOf, RunKind, TaskAction, server_time};
use crate::config::lifetime::Bound;
use crate::error::{Error, example};
use crate::identity::holder::{FLYTE_WORKFLOW, Holder, TASK_ACTION};
use crate::identity::owner::RunObject;
use crate::text::sentence;

/// How long a create may wait for the API server to show its run.
const LOOK: Duration = Duration::from_secs(1);

/// How long to wait before each further look, after a fault that may pass.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(150),
    Duration::from_millis(300),
];

/// Stands for the name of the run in a fault that is the same for each.
const RUN: &str = "<run>";

/// The known state of a run.
pub(super) enum Seen {
    /// It goes on, and holds the service.
    Holds(Holder),
    /// It cannot be seen, so that it holds nothing.
    Unseen(Unseen),
}

/// A run that cannot be seen, or a process without a Lease.
pub(super) struct Unseen {
    /// The consequence, for the caller.
    pub(super) consequence: String,
    /// The cause, in words that are the same for each create, where it is to be reported once.
    pub(super) lasting: Option<String>,
}

/// The use of a service, which decides what follows where the run cannot be seen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    /// The run creates it, with this lifetime.
    Create(Bound),
    /// The run uses one that exists.
    Attach,
}

/// Why a run cannot be seen.
enum Hidden {
    /// The account may not read runs, or the cluster has none: so it is for every run, for a while.
    Lasting(String),
    /// The API server did not show this one.
    Passing(String),
}

impl Client {
    /// Looks at the run that a create is for; `None` for a process, which holds by a Lease. Only a run that was seen
    /// alive can be known to be over later.
    ///
    /// A run of Flyte 1 that another one launched counts as that one, unless it creates a service bound to an
    /// execution.
    pub(super) async fn see_run(&self, run: &RunObject, using: Use, owner: &str, service: &str) -> Option<Seen> {
        Some(match run {
            RunObject::Workflow { namespace, name, root } => {
                let name = match (root, using) {
                    (None, _) | (_, Use::Create(Bound::Execution)) => name,
                    (Some(root), _) => root,
                };
                self.see::<FlyteWorkflow>((FLYTE_WORKFLOW, namespace, name), using, owner, service)
                    .await
            }
            RunObject::Action { namespace, name } => {
                self.see::<TaskAction>((TASK_ACTION, namespace, name), using, owner, service)
                    .await
            }
            RunObject::Process(_) => return None,
        })
    }

    async fn see<K: RunKind>(
        &self,
        (kind, namespace, name): (&str, &str, &str),
        using: Use,
        owner: &str,
        service: &str,
    ) -> Seen
    where
        MetadataOf<K>: Kind,
    {
        let described = format!("{kind} {name} in namespace {namespace}");
        let passing = |why: String| {
            Seen::Unseen(Unseen {
                consequence: consequence(using, service, kind, &sentence(&why)),
                lasting: None,
            })
        };
        let lasting = |fault: String| {
            let why = format!("{described} could not be read: {}", fault.replace(RUN, name));
            Seen::Unseen(Unseen {
                consequence: consequence(using, service, kind, &sentence(&why)),
                lasting: Some(fault),
            })
        };
        if let Some(fault) = self.sight.lost() {
            return lasting(fault);
        }
        let look = async {
            let connection = self.clusters.connect(None).await.map_err(|error| match error {
                Error::Unavailable { .. } => Hidden::Passing(error.to_string()),
                _ => Hidden::Lasting(error.to_string()),
            })?;
            let mut pauses = PAUSES.into_iter();
            loop {
                let fault = match connection.api.read::<MetadataOf<K>>(namespace, name).await {
                    Ok(looked) => return Ok(looked),
                    Err(fault) => fault,
                };
                if fault.is_missing_permission() || is_undefined(&fault) {
                    return Err(Hidden::Lasting(fault.to_string()));
                }
                match pauses.next().filter(|_| matches!(fault, Fault::Transient { .. })) {
                    Some(pause) => sleep(pause).await,
                    None => return Err(Hidden::Passing(fault.to_string())),
                }
            }
        };
        let looked = timeout(LOOK, look).await.unwrap_or_else(|_| {
            let why = format!("the API server did not answer within {} s", LOOK.as_secs());
            Err(Hidden::Passing(why))
        });
        match looked {
            Ok(Some(seen)) if !K::has_ended(&seen.metadata) => Seen::Holds(Holder {
                kind: kind.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                uid: seen.metadata.uid.unwrap_or_default(),
                owner: owner.to_owned(),
                since: server_time::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                identity: None,
            }),
            Ok(Some(_)) => passing(format!("{described} has ended already")),
            Ok(None) => passing(format!("there is no {described}")),
            Err(Hidden::Passing(why)) => passing(format!("{described} could not be read: {why}")),
            Err(Hidden::Lasting(why)) => {
                let fault = why.replace(name, RUN);
                self.sight.lose(&fault);
                lasting(fault)
            }
        }
    }

    /// What to report of a run that cannot be seen: a lasting cause once.
    pub(super) fn report_unseen(&self, unseen: Unseen) -> Option<String> {
        let is_known = unseen.lasting.is_some_and(|fault| !self.sight.is_news(&fault));
        (!is_known).then_some(unseen.consequence)
    }
}

fn consequence(using: Use, name: &str, kind: &str, why: &str) -> String {
    let role = match kind {
        TASK_ACTION => "rbac-lifetime-flyte2.yaml",
        _ => "rbac-lifetime.yaml",
    };
    let permissions = format!("give the connector's account the permissions of {}", example(role));
    match using {
        Use::Create(_) => format!(
            "Data service {name} does not end with its run, which cannot be seen: {why} Delete it with a CleanupSensor, or \
             {permissions}."
        ),
        Use::Attach => format!(
            "Data service {name} may end while this run uses it, since the run cannot be seen: {why} To prevent that, \
             {permissions}."
        ),
    }
}

/// Whether the cluster has no definition of Flyte's resources: the API server answers with a page that is not found.
fn is_undefined(fault: &Fault) -> bool {
    matches!(fault, Fault::Transient { message, .. } if message.contains("answered 404"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permissions_of_each_kind_of_run_have_an_address() {
        for (kind, role) in [
            (FLYTE_WORKFLOW, "rbac-lifetime.yaml"),
            (TASK_ACTION, "rbac-lifetime-flyte2.yaml"),
        ] {
            for using in [Use::Create(Bound::Run), Use::Attach] {
                let message = consequence(using, "foo", kind, "It is forbidden.");
                assert!(message.ends_with(&format!(" {}.", example(role))), "{message}");
            }
        }
    }
}
