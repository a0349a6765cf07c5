//! Names, labels and annotations: what the objects are called and how they are told apart.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::wording::shorten;

/// The longest name of a service, in characters.
///
/// The `StatefulSet` controller labels each pod with `controller-revision-hash: <name>-<10 characters>`, and a label's
/// value has at most 63 characters (Kubernetes, *Labels and Selectors*), so a longer name never gets a pod.
pub const NAME_LIMIT: usize = 52;

/// The namespace of every service unless something else is said: what the documents of the plugin promise.
pub const DEFAULT_NAMESPACE: &str = "flyte";

/// The start of a generated name.
pub const GENERATED_PREFIX: &str = "k8s-dataservice-";

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
/// The annotation that says whose the object is, for people.
pub const EXECUTION_ANNOTATION: &str = "k8sdataservice.flyte.org/execution";
/// The annotation that says from when on a service that has failed, and was kept for people to look at, is deleted.
pub const DELETE_AFTER_ANNOTATION: &str = "k8sdataservice.flyte.org/delete-after";
/// The annotation that says which call of create has made the `StatefulSet`.
pub const CALL_ANNOTATION: &str = "k8sdataservice.flyte.org/created-by-call";
/// The annotation that says that this call has ended without an answer, so that nobody was told of the `StatefulSet` by it.
pub const ABANDONED_ANNOTATION: &str = "k8sdataservice.flyte.org/abandoned-by-call";
/// The annotation that says which other call of create has succeeded with the `StatefulSet`.
pub const ADOPTED_ANNOTATION: &str = "k8sdataservice.flyte.org/adopted-by-call";
/// The annotation of an Event that says why a service has failed, with what its message does not say.
pub const VERDICT_ANNOTATION: &str = "k8sdataservice.flyte.org/verdict";
/// The annotation with the keys of the labels that the user asked for, where there are any: the others are Flyte's.
pub const OWN_LABELS_ANNOTATION: &str = "k8sdataservice.flyte.org/own-labels";
/// The annotation with the keys of the annotations that the user asked for, where there are any.
pub const OWN_ANNOTATIONS_ANNOTATION: &str = "k8sdataservice.flyte.org/own-annotations";
/// The annotation with the kinds of the objects that the service has besides its Service, where there are any.
pub const OWNS_ANNOTATION: &str = "k8sdataservice.flyte.org/owns";
/// The annotation with the `Replicas` of the configuration, where the pods' `GE_COUNT` does not tell it.
pub const REPLICAS_ANNOTATION: &str = "k8sdataservice.flyte.org/replicas";
/// The annotation of a `StatefulSet` whose pods stay at earlier revisions, since only their number has changed.
pub const KEEPS_PODS_ANNOTATION: &str = "k8sdataservice.flyte.org/keeps-pods";
/// The annotation with the names of the containers that come from `PodTemplate` and look as if they came from a field, where
/// there are any.
pub const TEMPLATE_ANNOTATION: &str = "k8sdataservice.flyte.org/from-pod-template";
/// The annotation with the hash of the specification.
pub const HASH_ANNOTATION: &str = "k8sdataservice.flyte.org/spec-hash";

/// The space of the name-based UUIDs below; made once, at random, and never changed.
const NAMES: Uuid = Uuid::from_u128(0x7d1c_8a52_5f0e_4e6b_9a43_c1b7_66d0_2f19);

/// Checks a name that a user gave to a service.
///
/// A `StatefulSet` would accept more, but the name is the Service's too and a part of each pod's host name, hence
/// DNS-1035: lower-case letters, digits and `-`, starting with a letter, not ending with `-`.
///
/// # Errors
/// [`Error::InvalidSpec`] that names `field`.
pub fn check_name(field: &str, name: &str) -> Result<()> {
    let problem = if name.is_empty() {
        "is empty".to_owned()
    } else if name.len() > NAME_LIMIT {
        format!(
            "is {} characters long, and a StatefulSet of more than {NAME_LIMIT} gets no pods",
            name.chars().count()
        )
    } else if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        "does not start with a lower-case letter".to_owned()
    } else if name.ends_with('-') {
        "ends with a hyphen".to_owned()
    } else if let Some(bad) = name
        .chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'))
    {
        format!("contains {bad:?}")
    } else {
        return Ok(());
    };
    Err(Error::invalid(
        field,
        format!(
            "{} {problem}. A service's name is a part of its pods' host names: use at most {NAME_LIMIT} lower-case \
             letters, digits and hyphens, starting with a letter, such as \"feature-store\".",
            shorten(name)
        ),
    ))
}

/// Checks the name of a service that may exist, which this plugin need not have made.
///
/// # Errors
/// [`Error::InvalidSpec`] that names `field`, when no `StatefulSet` can have that name (DNS-1123 subdomain).
pub fn check_existing_name(field: &str, name: &str) -> Result<()> {
    let valid = !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        });
    if valid {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        format!(
            "{} cannot be the name of a StatefulSet: use the name that `kubectl get statefulsets` shows.",
            shorten(name)
        ),
    ))
}

/// Checks the name of a namespace (DNS-1123 label).
///
/// # Errors
/// [`Error::InvalidSpec`] that names `namespace`.
pub fn check_namespace(namespace: &str) -> Result<()> {
    let valid = (1..=63).contains(&namespace.len())
        && !namespace.starts_with('-')
        && !namespace.ends_with('-')
        && namespace
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if valid {
        return Ok(());
    }
    Err(Error::invalid(
        "namespace",
        format!(
            "{} cannot be the name of a namespace: use the name that `kubectl get namespaces` shows.",
            shorten(namespace)
        ),
    ))
}

/// Makes a name for a service whose user gave none: [`GENERATED_PREFIX`] and twelve hexadecimal digits.
///
/// With a `seed` (what identifies the node's execution) the name is always the same, so that a repeated create finds
/// what the one before has made. Without, it is random.
#[must_use]
pub fn generate_name(seed: Option<&str>) -> String {
    let id = seed.map_or_else(Uuid::new_v4, |seed| Uuid::new_v5(&NAMES, seed.as_bytes()));
    let digits = id.simple().to_string();
    format!("{GENERATED_PREFIX}{}", &digits[..12])
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_what_a_service_and_its_pods_can_be_called() {
        let longest = "x".repeat(NAME_LIMIT);
        for name in ["a", "foo", "flyte-k8sdsinfra-0123456789abcdef0123", &longest] {
            check_name("Name", name).expect(name);
        }
    }

    #[test]
    fn a_bad_name_is_refused_with_the_field_and_the_reason() {
        let too_long = "x".repeat(NAME_LIMIT + 1);
        for (name, reason) in [
            ("", "is empty"),
            ("Foo", "does not start with a lower-case letter"),
            ("1foo", "does not start with a lower-case letter"),
            ("foo_bar", "contains '_'"),
            ("foo.bar", "contains '.'"),
            ("foo-", "ends with a hyphen"),
            ("föö", "contains 'ö'"),
            (&too_long, "is 53 characters long"),
        ] {
            let message = check_name("Name", name).expect_err(name).to_string();
            assert!(message.starts_with("Name ") && message.contains(reason), "{message}");
        }
    }

    #[test]
    fn an_existing_service_may_have_any_name_that_a_stateful_set_can_have() {
        for name in ["1foo", "a.b", &"x".repeat(60)] {
            check_existing_name("ExistingReleaseName", name).expect(name);
        }
        for name in ["", "Foo", "a..b", "-a", "a/b", "../secrets"] {
            check_existing_name("ExistingReleaseName", name).expect_err(name);
        }
    }

    #[test]
    fn a_name_from_a_seed_is_always_the_same_and_valid() {
        let name = generate_name(Some("s3://bucket/metadata/execution/n0/data"));
        // The literal guards the space of names: were it to change, a service made before an upgrade would be lost.
        assert_eq!(name, "k8s-dataservice-035cbe8378b5");
        check_name("Name", &name).expect("valid");
    }

    #[test]
    fn names_without_a_seed_differ() {
        assert_ne!(generate_name(None), generate_name(None));
    }

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
