//! Dry runs: requests that change nothing.

use std::fmt::Debug;
use std::future::Future;

use kube::Resource;
use kube::api::{ListParams, PostParams};
use kube::core::{ApiResource, DynamicObject};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::fault;
use super::managed_fields::FIELD_MANAGER;
use super::{Api, Fault, KubeApi};

/// The result of a dry run.
#[derive(Debug, Clone, PartialEq)]
pub enum Trial {
    /// It would be made like this: with the defaults of the API server and of admission.
    Accepted(Value),
    /// The API server, or admission, would refuse it.
    Refused(Refusal),
}

/// Why an object would be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status code.
    pub code: u16,
    /// The machine-readable reason, such as `Invalid`.
    pub reason: String,
    /// The API server's own words.
    pub message: String,
    /// The single fields at fault, where it names them.
    pub violations: Vec<Violation>,
}

/// One field of an object that Kubernetes does not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its path in the object, such as `spec.template.spec.containers[0].image`.
    pub field: String,
    /// The fault.
    pub message: String,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    /// Its objects.
    pub items: Vec<K>,
    /// Where the next page starts; `None` where this is the last one.
    pub next: Option<String>,
    /// How many objects come after it, if the API server reports it.
    pub remaining: Option<usize>,
}

/// A cluster, as a plan sees it. Each call is one request, which changes nothing, and none is repeated in here.
pub trait Inspect: Api {
    /// Creates an object in a dry run (`dryRun=All`). If one has its name, the answer is [`Fault::AlreadyExists`].
    fn try_out(
        &self,
        resource: &ApiResource,
        namespace: &str,
        object: &Value,
    ) -> impl Future<Output = Result<Trial, Fault>> + Send;

    /// Reads an object of a namespace, or one that has none; `None` where there is none of that name.
    fn look_up(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
        name: &str,
    ) -> impl Future<Output = Result<Option<DynamicObject>, Fault>> + Send;

    /// Whether an object of that name exists. Its content, such as a password, is not read.
    fn exists(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
        name: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// The names of at most so many objects of a resource. Their contents are not read.
    fn names(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
        most: u32,
    ) -> impl Future<Output = Result<Vec<String>, Fault>> + Send;

    /// Reads a page of the objects of a kind in the whole cluster that a field selector matches.
    fn page<K>(
        &self,
        fields: &str,
        size: u32,
        start: Option<&str>,
    ) -> impl Future<Output = Result<Page<K>, Fault>> + Send
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send;
}

impl KubeApi {
    fn with(&self, resource: &ApiResource, namespace: Option<&str>) -> kube::Api<DynamicObject> {
        match namespace {
            Some(namespace) => kube::Api::namespaced_with(self.client.clone(), namespace, resource),
            None => kube::Api::all_with(self.client.clone(), resource),
        }
    }
}

impl Inspect for KubeApi {
    async fn try_out(&self, resource: &ApiResource, namespace: &str, object: &Value) -> Result<Trial, Fault> {
        let params = PostParams {
            dry_run: true,
            field_manager: Some(FIELD_MANAGER.to_owned()),
        };
        let object: DynamicObject =
            serde_json::from_value(object.clone()).map_err(|error| Fault::transient(error.to_string()))?;
        let answer = self.with(resource, Some(namespace)).create(&params, &object).await;
        match answer {
            // An object that came as JSON goes as JSON.
            Ok(made) => Ok(Trial::Accepted(serde_json::to_value(made).unwrap_or_default())),
            Err(kube::Error::Api(status)) => refusal(*status).map(Trial::Refused),
            Err(error) => Err(fault(error)),
        }
    }

    async fn look_up(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<DynamicObject>, Fault> {
        self.with(resource, namespace).get_opt(name).await.map_err(fault)
    }

    async fn exists(&self, resource: &ApiResource, namespace: Option<&str>, name: &str) -> Result<bool, Fault> {
        let metadata = self.with(resource, namespace).get_metadata_opt(name).await;
        Ok(metadata.map_err(fault)?.is_some())
    }

    async fn names(&self, resource: &ApiResource, namespace: Option<&str>, most: u32) -> Result<Vec<String>, Fault> {
        let params = ListParams::default().limit(most);
        let list = self.with(resource, namespace).list_metadata(&params).await;
        let names = list.map_err(fault)?.items.into_iter();
        Ok(names.filter_map(|item| item.metadata.name).collect())
    }

    async fn page<K>(&self, fields: &str, size: u32, start: Option<&str>) -> Result<Page<K>, Fault>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send,
    {
        let params = ListParams {
            continue_token: start.map(str::to_owned),
            ..ListParams::default().fields(fields).limit(size)
        };
        let list = kube::Api::<K>::all(self.client.clone()).list(&params).await;
        let list = list.map_err(fault)?;
        Ok(Page {
            items: list.items,
            next: list.metadata.continue_.filter(|token| !token.is_empty()),
            remaining: (list.metadata.remaining_item_count).and_then(|count| usize::try_from(count).ok()),
        })
    }
}

/// Tells an answer about the object from one about the request, or about the cluster.
fn refusal(status: kube::core::Status) -> Result<Refusal, Fault> {
    let refusal = Refusal {
        code: status.code,
        reason: status.reason.clone(),
        message: status.message.clone(),
        violations: violations(&status),
    };
    // The API server answers 500 where a webhook does, or does not answer at all.
    let is_webhooks = status.message.contains("failed calling webhook") || status.message.contains("admission webhook");
    match fault(kube::Error::Api(status.boxed())) {
        Fault::Transient { .. } if is_webhooks => Ok(refusal),
        Fault::Refused { .. } if !is_missing_permission(&refusal) => Ok(refusal),
        other => Err(other),
    }
}

fn is_missing_permission(refusal: &Refusal) -> bool {
    let fault = Fault::Refused {
        code: refusal.code,
        reason: refusal.reason.clone(),
        message: refusal.message.clone(),
    };
    fault.is_missing_permission()
}

fn violations(status: &kube::core::Status) -> Vec<Violation> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .filter(|cause| !cause.field.is_empty())
        .map(|cause| Violation {
            field: cause.field.clone(),
            message: cause.message.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn faults_of_an_object_are_distinguished_from_missing_permissions() {
        let policy = "pods \"foo-0\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: no pods today";
        assert!(refusal(Status::failure(policy, "Forbidden").with_code(403)).is_ok());
        let right =
            "pods is forbidden: User \"x\" cannot create resource \"pods\" in API group \"\" in the namespace \"y\"";
        let fault = refusal(Status::failure(right, "Forbidden").with_code(403)).expect_err("a fault");
        assert!(fault.is_missing_permission());
    }

    #[test]
    fn a_webhook_that_is_away_is_distinguished_from_an_api_server_in_trouble() {
        let webhook = "Internal error occurred: failed calling webhook \"w\": connection refused";
        assert!(refusal(Status::failure(webhook, "InternalError").with_code(500)).is_ok());
        assert!(refusal(Status::failure("etcdserver: request timed out", "InternalError").with_code(500)).is_err());
    }
}
