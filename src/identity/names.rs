//! Names: what a service, its pods and its namespace can be called.

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::text::shorten;

/// The longest name of a service, in characters.
///
/// The `StatefulSet` controller labels each pod with `controller-revision-hash: <name>-<10 characters>`, and a label's
/// value has at most 63 characters (Kubernetes, *Labels and Selectors*), so a longer name never gets a pod.
pub const NAME_LIMIT: usize = 52;

/// The start of a generated name.
pub const GENERATED_PREFIX: &str = "k8s-dataservice-";

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
    } else if name.chars().count() > NAME_LIMIT {
        let length = name.chars().count();
        format!("is {length} characters long, and a StatefulSet of more than {NAME_LIMIT} gets no pods")
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
            // The limit counts characters, and these are twice as many bytes.
            (&"ö".repeat(27), "does not start with a lower-case letter"),
            (&"ö".repeat(53), "is 53 characters long"),
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
}
