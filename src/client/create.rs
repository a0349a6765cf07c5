//! The client's create.

use serde_json::Value;

use super::attach::not_held;
use super::call::Call;
use super::holding::{Seen, Use};
use super::request::{Request, Target};
use super::service::{Answer, Client, joined};
use super::unanswered::Unanswered;
use crate::config::explain_size;
use crate::error::Result;
use crate::identity::holder::Holder;
use crate::identity::owner::{Caller, RunObject};
use crate::lifecycle::{self, CallId};
use crate::metrics::{Attempt, CreateResult, note_create};

/// When the objects of a create without an answer are deleted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Before the call returns: for a process that may end afterwards.
    Awaited,
    /// After the call has returned.
    Detached,
}

/// A service that exists, or is used as if it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its name.
    pub name: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// The uid of its `StatefulSet`; `None` for a service that the configuration names as existing, which is not looked
    /// at.
    pub uid: Option<String>,
    /// The owner of the service, if another run has created it.
    pub shared_with: Option<String>,
}

impl Client {
    /// As [`Self::prepare`], for a create that follows: one that is refused counts in the metrics.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub fn prepare_create(&self, config: Value, namespace: &str, caller: &Caller) -> Result<Request> {
        self.prepare(config, namespace, caller)
            .inspect_err(|error| note_create(error.into()))
    }

    /// Creates a service, or finds that it exists; see [`lifecycle::create`].
    ///
    /// # Errors
    /// As [`lifecycle::create`].
    pub async fn create(&self, request: Request, cleanup: Cleanup) -> Result<Answer<Created>> {
        let attempt = Attempt::begin();
        let created = Box::pin(self.create_or_attach(request, cleanup)).await;
        attempt.end(match &created {
            Ok((_, result)) => *result,
            Err(error) => error.into(),
        });
        created.map(|(answer, _)| answer)
    }

    async fn create_or_attach(&self, request: Request, cleanup: Cleanup) -> Result<(Answer<Created>, CreateResult)> {
        let mut warnings = request.warnings;
        let service = match request.target {
            Target::New(service) => service,
            // `get` reports whether it exists, and how it does, as a phase.
            Target::Existing(name) => {
                let (namespace, cluster) = (request.namespace, request.cluster.as_deref());
                let warning = self.attach(&name, &namespace, cluster, &request.caller).await?;
                let value = Created {
                    name,
                    namespace,
                    uid: None,
                    shared_with: None,
                };
                return Ok((Answer { value, warning }, CreateResult::Attached));
            }
        };
        let lifetime = service.spec.lifetime.clone();
        let (timeout, name) = (self.create_timeout, service.objects.name().to_owned());
        let call = Call {
            verb: "create",
            namespace: &request.namespace,
            name: &name,
            timeout,
        };
        let (connection, deadline) = call
            .connect_to_create(&self.clusters, request.cluster.as_deref())
            .await?;
        let objects = self
            .objects(&call, &connection, *service, &request.config, deadline)
            .await?;
        let Caller { owner, run, .. } = request.caller;
        let owner = owner.id;
        let seen = match &run {
            Some(RunObject::Process(identity)) => {
                let service = (request.namespace.as_str(), name.as_str());
                Some(self.take_lease(&connection, service, &owner, identity).await)
            }
            Some(run) => self.see_run(run, Use::Create(lifetime.bound), &owner, &name).await,
            None => None,
        };
        let holder = match seen {
            Some(Seen::Holds(holder)) => Some(holder),
            Some(Seen::Unseen(unseen)) if lifetime.ends_with_runs() => {
                warnings.extend(self.report_unseen(unseen));
                None
            }
            Some(Seen::Unseen(_)) | None => None,
        };
        let is_held = holder.is_some();
        let is_beside = |holder: &Holder| holder.namespace == request.namespace;
        let owns = self.platform.owner_references
            && lifetime.ends_at_once()
            && holder.as_ref().is_some_and(is_beside)
            && self
                .runs_of(&connection, request.cluster.as_deref(), deadline)
                .await
                .is_some_and(|runs| runs.key == connection.key);
        let id = CallId::unique().held_by(holder);
        let id = if owns { id.owned() } else { id };
        let unanswered = Unanswered::new(&connection.api, &objects, &id);
        let created = Box::pin(lifecycle::create(&connection.api, &objects, &id, deadline)).await;
        match &created {
            Err(error) if id.may_leave(error) && cleanup == Cleanup::Awaited => unanswered.retract(timeout).await,
            Err(error) if id.may_leave(error) => drop(unanswered),
            _ => unanswered.answered(),
        }
        let uid = created.as_ref().ok().map(|created| created.uid.as_str());
        self.begin_lease(&connection, (&request.namespace, &name), &owner, uid)
            .await;
        let created = created.map_err(|error| connection.explain(explain_size(error, &request.config)))?;
        if let Some(generation) = created.woken_at {
            let key = &connection.key;
            self.cache.outdate(key, &created.namespace, &created.uid, generation);
        }
        if !created.is_held {
            warnings.push(not_held(&name));
        }
        // Elsewhere the first poll does so.
        if is_held {
            self.enforce_lifetimes(&connection, request.cluster.as_deref(), &created.namespace, deadline)
                .await;
        }
        warnings.extend(connection.warning);
        let result = match &created.shared_with {
            Some(_) => CreateResult::Shared,
            None if created.is_new => CreateResult::Created,
            None => CreateResult::Adopted,
        };
        let answer = Answer {
            value: Created {
                name: created.name,
                namespace: created.namespace,
                uid: Some(created.uid),
                shared_with: created.shared_with,
            },
            warning: joined(&warnings),
        };
        Ok((answer, result))
    }
}
