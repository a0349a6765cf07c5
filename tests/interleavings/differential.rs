//! The server in memory answers as a real one does: the same calls on both, and every answer compared.
//!
//! Names of versions and uids differ, of course: an object is told by how manyth of its sequence it is.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{ResourceQuota, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8sdataservice::cluster::managed_fields::applied;
use k8sdataservice::cluster::{Api, Deleted, Fault, Kind, KubeApi};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::actor::objects;
use crate::calls::{Call, any_call};
use crate::schedule::pick;
use crate::server::{Server, Who};

/// How many sequences to try, unless `MODEL_SEQUENCES` gives the number.
const SEQUENCES: u64 = 40;
const CALLS: usize = 14;

/// Tells the objects of a sequence from those of others.
const SEQUENCE: &str = "sequence";

/// How long the real garbage collector may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a write is made again that the cluster's own controllers came before.
const RETRIES: usize = 10;

/// The two servers, and what of theirs is the same.
struct Pair {
    real: KubeApi,
    client: kube::Client,
    namespace: String,
    name: String,
    model: Server,
    /// The uids of all objects of the sequence: in the model, and in reality.
    uids: Vec<(String, String)>,
}

impl Pair {
    /// Makes a call on both, and compares the answers.
    #[expect(clippy::too_many_lines, reason = "one arm for each call")]
    async fn call<K: Kind>(&mut self, call: Call, object: Option<K>) -> Result<(), String> {
        let (namespace, name) = (self.namespace.clone(), self.name.clone());
        let (modelled, real) = match call {
            Call::Create { finalizer, owner } => {
                let mut object = object.expect("an object to create");
                let metadata = object.meta_mut();
                metadata.namespace = Some(namespace.clone());
                metadata.name = Some(name.clone());
                metadata
                    .labels
                    .get_or_insert_default()
                    .insert(SEQUENCE.to_owned(), name.clone());
                metadata.finalizers = finalizer.then(|| vec!["example.org/hold".to_owned()]);
                let twin = self.owned(object.clone(), owner, |uids| &uids.1);
                let modelled = self
                    .model
                    .create(&self.owned(object, owner, |uids| &uids.0), Who::Before);
                let real = self.real.create(&twin).await;
                if let (Ok(modelled), Ok(real)) = (&modelled, &real) {
                    let uid = |metadata: &ObjectMeta| metadata.uid.clone().unwrap_or_default();
                    self.uids.push((uid(modelled.meta()), uid(real.meta())));
                }
                (self.told(modelled, 0), self.told(real, 1))
            }
            Call::Read => {
                let modelled = Ok(self.model.read::<K>(&name, 0));
                let real = self.real.read::<K>(&namespace, &name).await;
                let told = |answer: Result<Option<K>, Fault>, side| match answer {
                    Ok(None) => "none".to_owned(),
                    Ok(Some(object)) => self.told(Ok(object), side),
                    Err(fault) => self.told::<K>(Err(fault), side),
                };
                (told(modelled, 0), told(real, 1))
            }
            Call::List => {
                let selector = format!("{SEQUENCE}={name}");
                let modelled = self.model.list::<K>(&selector, "", 0);
                let real = self.real.list::<K>(&namespace, &selector, "").await;
                let told = |objects: Vec<K>, side| -> String {
                    let told: BTreeSet<_> = objects.into_iter().map(|object| self.told(Ok(object), side)).collect();
                    format!("{told:?}")
                };
                (told(modelled, 0), told(real.map_err(|fault| fault.to_string())?, 1))
            }
            Call::Delete { uid_of } => {
                let (modelled, real) = self.uid_pair(uid_of);
                let modelled = self.model.delete::<K>(&name, &modelled, Who::Before);
                let real = self.real.delete::<K>(&namespace, &name, &real).await;
                (deleted(modelled), deleted(real))
            }
            Call::Annotate { uid_of } => {
                let (modelled, real) = self.uid_pair(uid_of);
                let (key, value) = ("example.org/note", "written");
                let written = [(key.to_owned(), Some(value.to_owned()))];
                let modelled = self.model.annotate::<K>(&name, &modelled, &written);
                let written = [(key, Some(value))];
                let real = self.real.annotate::<K>(&namespace, &name, &real, &written).await;
                let told =
                    |answer: Result<(), Fault>| answer.map_or_else(|fault| refused(&fault), |()| "done".to_owned());
                (told(modelled), told(real))
            }
            Call::DeleteVersion { uid_of, late } => {
                let object = object.expect("an object that is like it");
                let meant = self.meant(&object, uid_of, late).await?;
                let modelled = self.model.delete_version(&meant.0, Who::Before);
                let mut real = self.real.delete_version(&meant.1).await;
                for _ in 0..RETRIES {
                    if late || !matches!((&modelled, &real), (Ok(_), Err(Fault::Changed))) {
                        break;
                    }
                    real = self
                        .real
                        .delete_version(&self.meant(&object, uid_of, late).await?.1)
                        .await;
                }
                (deleted(modelled), deleted(real))
            }
            Call::AnnotateVersion { uid_of, late } => {
                let object = object.expect("an object that is like it");
                let meant = self.meant(&object, uid_of, late).await?;
                let (key, value) = ("example.org/version", "written");
                let modelled = self
                    .model
                    .set_annotations(&meant.0, &[(key.to_owned(), Some(value.to_owned()))]);
                let mut real = self.real.annotate_version(&meant.1, key, value).await;
                for _ in 0..RETRIES {
                    if late || !matches!((&modelled, &real), (Ok(()), Err(Fault::Changed))) {
                        break;
                    }
                    let meant = self.meant(&object, uid_of, late).await?;
                    real = self.real.annotate_version(&meant.1, key, value).await;
                }
                let told =
                    |answer: Result<(), Fault>| answer.map_or_else(|fault| refused(&fault), |()| "done".to_owned());
                (told(modelled), told(real))
            }
            Call::Apply { uid_of, late } => self.apply(object.expect("an object to apply"), uid_of, late).await?,
            Call::Note => {
                self.note::<K>().await?;
                (String::new(), String::new())
            }
            Call::Release => {
                for key in self.model.held().into_iter().filter(|(kind, _)| *kind == K::kind(&())) {
                    self.model.release(&key);
                }
                let there = self
                    .real
                    .read::<K>(&namespace, &name)
                    .await
                    .map_err(|fault| fault.to_string())?;
                if there.is_some_and(|there| there.meta().deletion_timestamp.is_some()) {
                    let api = kube::Api::<K>::namespaced(self.client.clone(), &namespace);
                    let none = Patch::Merge(json!({"metadata": {"finalizers": null}}));
                    let released = api.patch(&name, &PatchParams::default(), &none).await;
                    released.map_err(|error| error.to_string())?;
                }
                (String::new(), String::new())
            }
        };
        if modelled != real {
            return Err(format!("the model says {modelled:?} and the cluster {real:?}"));
        }
        self.collect().await
    }

    /// An object with a uid of the sequence and the current version, or one of long ago: in the model and in reality.
    async fn meant<K: Kind>(&self, object: &K, uid_of: usize, late: bool) -> Result<(K, K), String> {
        let uids = self.uid_pair(uid_of);
        let there = [self.model.read::<K>(&self.name, 0), self.there().await?];
        let [modelled, real] = there.map(|there| there.and_then(|there| there.meta().resource_version.clone()));
        let meant = |uid: String, version: Option<String>, long_ago: &str| {
            let mut object = object.clone();
            let metadata = object.meta_mut();
            metadata.namespace = Some(self.namespace.clone());
            metadata.name = Some(self.name.clone());
            metadata.uid = Some(uid);
            metadata.resource_version = version.filter(|_| !late).or_else(|| Some(long_ago.to_owned()));
            object
        };
        // The model's first object has version 1; in the cluster that is one of long ago.
        Ok((meant(uids.0, modelled, "0"), meant(uids.1, real, "1")))
    }

    /// Applies an object on both, at the current version or at one of long ago.
    async fn apply<K: Kind>(&mut self, mut object: K, uid_of: usize, late: bool) -> Result<(String, String), String> {
        let uids = self.uid_pair(uid_of);
        let metadata = object.meta_mut();
        metadata.namespace = Some(self.namespace.clone());
        metadata.name = Some(self.name.clone());
        let labels = metadata.labels.get_or_insert_default();
        labels.insert(SEQUENCE.to_owned(), self.name.clone());
        let there = [self.model.read::<K>(&self.name, 0), self.there().await?];
        let versions = there.map(|there| there.and_then(|there| there.meta().resource_version.clone()));
        // The model's first object has version 1; in the cluster that is one of long ago.
        let long_ago = ["0", "1"];
        let meant = |uid: &String, at: &Option<String>, long_ago: &str| {
            let at = at.as_deref().filter(|_| !late).unwrap_or(long_ago);
            let mut object = object.clone();
            object.meta_mut().uid = Some(uid.clone());
            object.meta_mut().resource_version = Some(at.to_owned());
            object
        };
        let modelled = self
            .model
            .apply(&meant(&uids.0, &versions[0], long_ago[0]), Who::Before);
        let mut real = self.real.apply(&meant(&uids.1, &versions[1], long_ago[1])).await;
        // The controller of StatefulSets writes their status in between.
        for _ in 0..RETRIES {
            if late || !matches!((&modelled, &real), (Ok(_), Err(Fault::Changed))) {
                break;
            }
            let newest = self.there::<K>().await?;
            let newest = newest.and_then(|there| there.meta().resource_version.clone());
            real = self.real.apply(&meant(&uids.1, &newest, long_ago[1])).await;
        }
        Ok((self.told(modelled, 0), self.told(real, 1)))
    }

    /// Notes on both what was written as applied.
    async fn note<K: Kind>(&mut self) -> Result<(), String> {
        if let Some(there) = self.model.read::<K>(&self.name, 0)
            && let Some(managers) = applied(there.meta())
        {
            let noted = self.model.note_managers(&there, &managers);
            noted.map_err(|fault| fault.to_string())?;
        }
        for _ in 0..RETRIES {
            let Some(there) = self.there::<K>().await? else { break };
            let Some(managers) = applied(there.meta()) else { break };
            match self.real.note_managers(&there, &managers).await {
                Ok(noted) if applied(noted.meta()).is_some() => {
                    return Err("the cluster does not note what was written as applied".to_owned());
                }
                Ok(_) => break,
                Err(Fault::Changed) => {}
                Err(fault) => return Err(fault.to_string()),
            }
        }
        Ok(())
    }

    /// The object on the real server.
    async fn there<K: Kind>(&self) -> Result<Option<K>, String> {
        let there = self.real.read::<K>(&self.namespace, &self.name).await;
        there.map_err(|fault| fault.to_string())
    }

    /// Both uids of an object of the sequence; that of an object that never was, where there is none of that number.
    fn uid_pair(&self, number: usize) -> (String, String) {
        let unknown = "11111111-2222-3333-4444-555555555555".to_owned();
        self.uids.get(number).cloned().unwrap_or((unknown.clone(), unknown))
    }

    /// Lets both garbage collectors do their work.
    async fn collect(&mut self) -> Result<(), String> {
        let dangling = self.model.dangling();
        for key in &dangling {
            self.model.collect(key);
        }
        if dangling.is_empty() {
            return Ok(());
        }
        let settled = async {
            loop {
                let there = self.real.read::<Service>(&self.namespace, &self.name).await;
                let held = |there: Service| there.metadata.deletion_timestamp.is_some();
                if there.is_ok_and(|there| there.is_none_or(held)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        settled.map_err(|_| "the cluster keeps what the model's garbage collector takes".to_owned())
    }

    fn owned<K: Kind>(&self, mut object: K, owner: Option<usize>, side: fn(&(String, String)) -> &String) -> K {
        let uid = owner.and_then(|owner| self.uids.get(owner)).map(side);
        object.meta_mut().owner_references = uid.map(|uid| {
            let service = objects("one:1", "alpha").dependents_of(uid).service;
            let mut owners = service.metadata.owner_references.unwrap_or_default();
            for owner in &mut owners {
                owner.name.clone_from(&self.name);
            }
            owners
        });
        object
    }

    /// An answer without what has to differ.
    fn told<K: Kind>(&self, answer: Result<K, Fault>, side: usize) -> String {
        let number = |uid: &str| {
            let of_side = |uids: &(String, String)| if side == 0 { uids.0 == uid } else { uids.1 == uid };
            self.uids.iter().position(of_side)
        };
        match answer {
            Ok(object) => {
                let metadata = object.meta();
                let owners = metadata.owner_references.iter().flatten();
                let owners: Vec<_> = owners.map(|owner| number(&owner.uid)).collect();
                format!(
                    "{:?} {:?} of {owners:?}, terminating: {}, held by {:?}, {:?} {:?}",
                    number(metadata.uid.as_deref().unwrap_or_default()),
                    metadata.name,
                    metadata.deletion_timestamp.is_some(),
                    metadata.finalizers.as_deref().unwrap_or_default(),
                    metadata.labels,
                    metadata.annotations,
                )
            }
            Err(fault) => refused(&fault),
        }
    }
}

fn deleted(answer: Result<Deleted, Fault>) -> String {
    answer.map_or_else(|fault| refused(&fault), |deleted| format!("{deleted:?}"))
}

fn refused(fault: &Fault) -> String {
    match fault {
        Fault::Refused { code, reason, .. } => format!("refused: {code} {reason}"),
        other => format!("{other:?}"),
    }
}

/// One sequence; the number of calls, or what differs and after which calls.
async fn sequence(client: kube::Client, namespace: String, number: u64) -> Result<usize, String> {
    let mut seed = number;
    let mut pair = Pair {
        real: KubeApi::new(client.clone()),
        client,
        namespace,
        name: format!("sequence-{number}"),
        model: Server::default(),
        uids: Vec::new(),
    };
    let objects = objects("one:1", "alpha");
    let (set, service) = (&objects.stateful_set, &objects.dependents().service);
    let mut calls = Vec::new();
    for _ in 0..CALLS {
        let of_set = pick(2, &mut seed) == 0;
        let call = match any_call(&mut seed, pair.uids.len()) {
            Call::Create { finalizer, .. } if of_set => Call::Create { finalizer, owner: None },
            call => call,
        };
        calls.push(format!("{} {call:?}", if of_set { "StatefulSet" } else { "Service" }));
        let compared = if of_set {
            Box::pin(pair.call(call, Some(set.clone()))).await
        } else {
            Box::pin(pair.call(call, Some(service.clone()))).await
        };
        compared.map_err(|problem| format!("sequence {number}: {problem}, after\n    {}", calls.join("\n    ")))?;
    }
    Ok(calls.len())
}

/// A quota is asked before it is looked whether the name is taken.
async fn quota(client: kube::Client, namespace: String) -> Result<(), String> {
    let mut pair = Pair {
        real: KubeApi::new(client.clone()),
        client: client.clone(),
        namespace: namespace.clone(),
        name: "under-quota".to_owned(),
        model: Server::default(),
        uids: Vec::new(),
    };
    let set = objects("one:1", "alpha").stateful_set;
    let create = Call::Create {
        finalizer: false,
        owner: None,
    };
    Box::pin(pair.call(create, Some(set.clone()))).await?;
    let hard = json!({"metadata": {"name": "used-up"}, "spec": {"hard": {"count/statefulsets.apps": "0"}}});
    let hard: ResourceQuota = serde_json::from_value(hard).map_err(|error| error.to_string())?;
    let quotas = kube::Api::<ResourceQuota>::namespaced(client, &namespace);
    let made = quotas.create(&PostParams::default(), &hard).await;
    made.map_err(|error| error.to_string())?;
    let counted = async {
        while !quotas
            .get("used-up")
            .await
            .is_ok_and(|quota| quota.status.is_some_and(|status| status.used.is_some()))
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counted)
        .await
        .map_err(|error| error.to_string())?;
    pair.model.quota = HashMap::from([("StatefulSet".to_owned(), 0)]).into_iter().collect();
    Box::pin(pair.call(create, Some(set.clone()))).await
}

/// Sequences of calls, each answered alike.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: KUBECONFIG, and the namespace in MODEL_NAMESPACE"]
async fn differential() {
    let client = kube::Client::try_default().await.expect("a cluster");
    let namespace = std::env::var("MODEL_NAMESPACE").expect("MODEL_NAMESPACE is set");
    let number = crate::setting("MODEL_SEQUENCES").map_or(SEQUENCES, |number| number as u64);
    let sequences = stream::iter(0..number).map(|number| sequence(client.clone(), namespace.clone(), number));
    let answers: Vec<_> = sequences.buffer_unordered(16).collect().await;
    let calls: usize = answers.iter().flatten().sum();
    println!("{number} sequences, {calls} calls");
    let differences: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Box::pin(quota(client, namespace))
        .await
        .expect("a quota is modelled as it is");
}
