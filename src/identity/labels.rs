//! Labels and annotations: how the objects of a service are recognized, what is recorded on them, and what Kubernetes
//! accepts.

use std::collections::BTreeMap;

/// The label that Kubernetes recommends for the tool that manages an object.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY_LABEL`] on everything this plugin makes.
pub const MANAGED_BY: &str = "flytekitplugins-k8sdataservice";
/// The label with the name of the service that an object belongs to.
pub const INSTANCE_LABEL: &str = "app.kubernetes.io/instance";
/// The second label that the plugin has always put on its objects.
pub const APP_LABEL: &str = "app";
/// The value of [`APP_LABEL`].
pub const APP: &str = "service-name";

/// How the plugin's own annotations begin.
pub const ANNOTATION_PREFIX: &str = "k8sdataservice.flyte.org/";
/// The annotation with the identity of what made the object; equal for each retry of one node of one execution.
pub const OWNER_ANNOTATION: &str = "k8sdataservice.flyte.org/owner";
/// The annotation with the owner of the object, for people.
pub const EXECUTION_ANNOTATION: &str = "k8sdataservice.flyte.org/execution";
/// The annotation with the project of the execution, on what an execution of Flyte has made.
pub const EXECUTION_PROJECT_ANNOTATION: &str = "k8sdataservice.flyte.org/execution-project";
/// The annotation with the domain of the execution, likewise.
pub const EXECUTION_DOMAIN_ANNOTATION: &str = "k8sdataservice.flyte.org/execution-domain";
/// The annotation with the name of the execution, likewise.
pub const EXECUTION_NAME_ANNOTATION: &str = "k8sdataservice.flyte.org/execution-name";
/// The annotation with the id of the execution's node, likewise.
pub const EXECUTION_NODE_ANNOTATION: &str = "k8sdataservice.flyte.org/execution-node-id";
/// The annotations with the run that an object was created for. No configuration sets them, and a create leaves them as
/// they are.
pub const RUN_ANNOTATIONS: [&str; 6] = [
    OWNER_ANNOTATION,
    EXECUTION_ANNOTATION,
    EXECUTION_PROJECT_ANNOTATION,
    EXECUTION_DOMAIN_ANNOTATION,
    EXECUTION_NAME_ANNOTATION,
    EXECUTION_NODE_ANNOTATION,
];
/// The annotation with the time from which a failed service that was kept for inspection is deleted.
pub const DELETE_AFTER_ANNOTATION: &str = "k8sdataservice.flyte.org/delete-after";
/// The annotation with the id of the call of create that created the `StatefulSet`.
pub const CALL_ANNOTATION: &str = "k8sdataservice.flyte.org/created-by-call";
/// The annotation with the id of a call of create that ended without an answer, so that its caller does not know the
/// `StatefulSet`.
pub const ABANDONED_ANNOTATION: &str = "k8sdataservice.flyte.org/abandoned-by-call";
/// The prefix of the annotations of the other calls of create that succeeded with the `StatefulSet`: one each, with the
/// id of the call.
pub const ADOPTED_PREFIX: &str = "k8sdataservice.flyte.org/adopted-by-call-";
/// The annotation of an Event about a failed service, with the details that its message does not contain.
pub const VERDICT_ANNOTATION: &str = "k8sdataservice.flyte.org/verdict";
/// The annotation of an Event that says why a service has ended, with what it has used.
pub const RECEIPT_ANNOTATION: &str = "k8sdataservice.flyte.org/receipt";
/// The annotation with the keys of the labels that the user asked for, where there are any: the others are Flyte's.
pub const OWN_LABELS_ANNOTATION: &str = "k8sdataservice.flyte.org/own-labels";
/// The annotation with the keys of the annotations that the user asked for, where there are any.
pub const OWN_ANNOTATIONS_ANNOTATION: &str = "k8sdataservice.flyte.org/own-annotations";
/// The annotation with the kinds of the objects that the service has besides its Service, where there are any.
pub const OWNS_ANNOTATION: &str = "k8sdataservice.flyte.org/owns";
/// The annotation with the `Replicas` of the configuration, if the pods' `GE_COUNT` has another number.
pub const REPLICAS_ANNOTATION: &str = "k8sdataservice.flyte.org/replicas";
/// The annotation of a `StatefulSet` whose pods stay at earlier revisions, since only their number has changed.
pub const KEEPS_PODS_ANNOTATION: &str = "k8sdataservice.flyte.org/keeps-pods";
/// The annotation with the names of the containers that come from `PodTemplate` and look as if they came from a field,
/// where there are any.
pub const TEMPLATE_ANNOTATION: &str = "k8sdataservice.flyte.org/from-pod-template";
/// The prefix of the annotations with the holders of a service, on its `StatefulSet`.
pub const HOLDER_PREFIX: &str = "holder.k8sdataservice.flyte.org/";
/// The annotation with the lifetime of a service that ends by itself, on its `StatefulSet`.
pub const LIFETIME_ANNOTATION: &str = "k8sdataservice.flyte.org/lifetime";
/// The annotation with the time since when no run uses a service, while the service stays for its grace period.
pub const UNUSED_SINCE_ANNOTATION: &str = "k8sdataservice.flyte.org/unused-since";
/// The annotation of a service that sleeps: how many replicas it had, and since when it has none.
pub const ASLEEP_ANNOTATION: &str = "k8sdataservice.flyte.org/asleep";
/// The annotation of a service that ends with its last run, whatever its lifetime, since a sensor has asked for it.
pub const RELEASED_ANNOTATION: &str = "k8sdataservice.flyte.org/released";
/// The annotation with the hash of the specification.
pub const HASH_ANNOTATION: &str = "k8sdataservice.flyte.org/spec-hash";

/// How large the annotations of an object may be together, in bytes: Kubernetes's `TotalAnnotationSizeLimitB`, without
/// room for the plugin's own and those that others add.
pub(crate) const ANNOTATIONS_LIMIT: usize = (256 << 10) - (16 << 10);

/// The labels of each object of a service: Flyte's own for the execution, and over them the plugin's.
#[must_use]
pub fn labels(name: &str, execution: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels = execution.clone();
    labels.extend(selector(name));
    labels.insert(APP_LABEL.to_owned(), APP.to_owned());
    labels
}

/// The labels that select the pods of a service, and no pod of anything else: charts use [`INSTANCE_LABEL`], too.
#[must_use]
pub fn selector(name: &str) -> BTreeMap<String, String> {
    let mut selector = instance(name);
    selector.insert(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned());
    selector
}

/// The only label in the selectors of services that version 2.0 and the plugin before it created.
#[must_use]
pub fn instance(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(INSTANCE_LABEL.to_owned(), name.to_owned())])
}

/// Whether an annotation is one of the plugin's own, by its key.
#[must_use]
pub fn is_own_annotation(key: &str) -> bool {
    key.starts_with(ANNOTATION_PREFIX) || key.starts_with(HOLDER_PREFIX)
}

/// Whether an annotation, by its key, is about the users of a service.
#[must_use]
pub fn is_of_users(key: &str) -> bool {
    key.starts_with(HOLDER_PREFIX) || [UNUSED_SINCE_ANNOTATION, RELEASED_ANNOTATION].contains(&key)
}

/// Whether Kubernetes takes a key (*Labels and Selectors*, "Syntax and character set").
pub(crate) fn is_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let dns = |prefix: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        prefix.len() <= 253
            && prefix.split('.').all(|label| {
                label.starts_with(plain) && label.ends_with(plain) && label.chars().all(|c| plain(c) || c == '-')
            })
    };
    !name.is_empty() && is_word(name) && prefix.is_none_or(dns)
}

/// Whether Kubernetes takes the value of a label.
pub(crate) fn is_label_value(value: &str) -> bool {
    is_word(value)
}

fn is_word(text: &str) -> bool {
    text.len() <= 63
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !text.starts_with(['-', '_', '.'])
        && !text.ends_with(['-', '_', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_of_the_execution_never_replace_the_plugins_own() {
        let execution = BTreeMap::from([
            (INSTANCE_LABEL.to_owned(), "other".to_owned()),
            ("execution-id".to_owned(), "f1".to_owned()),
        ]);
        let labels = labels("foo", &execution);
        assert_eq!(labels[INSTANCE_LABEL], "foo");
        assert_eq!(labels["execution-id"], "f1");
        assert_eq!(labels[APP_LABEL], "service-name");
    }
}
