//! The fields of a configuration, and how one is read.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::strict;
use crate::wording::{nearest, shorten, shortened, shown};

/// The documented fields of `DataServiceConfig`, as they are spelled on the wire.
pub const FIELDS: [&str; 48] = [
    "Name",
    "Image",
    "Command",
    "Port",
    "Replicas",
    "Requests",
    "Limits",
    "ExistingReleaseName",
    "Cluster",
    "PodTemplate",
    "Args",
    "Env",
    "EnvFrom",
    "Secrets",
    "Ports",
    "ReadinessProbe",
    "LivenessProbe",
    "StartupProbe",
    "PreStop",
    "TerminationGracePeriodSeconds",
    "Volumes",
    "VolumeClaimTemplates",
    "PersistentVolumeClaimRetentionPolicy",
    "ServiceAccount",
    "ImagePullSecrets",
    "ImagePullPolicy",
    "NodeSelector",
    "Tolerations",
    "Affinity",
    "TopologySpreadConstraints",
    "PriorityClass",
    "RuntimeClass",
    "Accelerator",
    "PodSecurityContext",
    "SecurityContext",
    "InitContainers",
    "Sidecars",
    "PodManagementPolicy",
    "MinReadySeconds",
    "UpdateStrategy",
    "Labels",
    "Annotations",
    "Namespace",
    "PublishNotReadyAddresses",
    "DnsPolicy",
    "DnsConfig",
    "PodDisruptionBudget",
    "NetworkPolicy",
];

/// A configuration, field by field. What is null was not said, and neither was what is empty.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// Wraps a configuration.
    pub(super) fn new(config: &'a Map<String, Value>) -> Self {
        Self(config)
    }

    /// Refuses a key that is no field.
    pub(super) fn check_known(self) -> Result<()> {
        let unknown = |(key, value): (&'a String, &Value)| {
            (!value.is_null() && !FIELDS.contains(&key.as_str())).then_some(shortened(key))
        };
        let Some(unknown) = self.0.iter().find_map(unknown) else {
            return Ok(());
        };
        Err(Error::invalid(
            unknown.as_str(),
            format!(
                "is not a field of DataServiceConfig. Nearest to it is {}.",
                nearest(&unknown, FIELDS)
            ),
        ))
    }

    /// What was said of a field.
    pub(super) fn given(self, field: &str) -> Option<&'a Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    /// A field that is text.
    pub(super) fn text(self, field: &str) -> Result<Option<String>> {
        match self.given(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(Error::invalid(field, format!("must be text, not {}.", shown(other)))),
        }
    }

    /// A field in Kubernetes's own words.
    pub(super) fn kubernetes<T: DeserializeOwned>(self, field: &str) -> Result<Option<T>> {
        let said = self.given(field).filter(|value| !is_empty(value));
        said.map(|value| strict::read(field, value)).transpose()
    }

    /// The items of a field that is a list, each with its path.
    pub(super) fn items(self, field: &str) -> Result<Vec<(String, &'a Value)>> {
        match self.given(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let items = items.iter().enumerate();
                Ok(items.map(|(index, item)| (format!("{field}[{index}]"), item)).collect())
            }
            Some(_) => Err(Error::invalid(field, "must be a list.")),
        }
    }

    /// A field that is one of a few words.
    pub(super) fn one_of(self, field: &str, words: &[&str]) -> Result<Option<String>> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        if words.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        Err(Error::invalid(
            field,
            format!(
                "is {}, but must be one of {}. Nearest to it is {}.",
                shorten(&text),
                words.join(", "),
                nearest(&text, words.iter().copied())
            ),
        ))
    }

    /// A field that names an object of Kubernetes.
    pub(super) fn name_of(self, kind: &str, field: &str) -> Result<Option<String>> {
        let name = self.text(field)?;
        if let Some(name) = &name {
            check_name_of(kind, field, name)?;
        }
        Ok(name)
    }

    /// A field that is a whole number, 0 or more.
    pub(super) fn count<N: TryFrom<i64>>(self, field: &str) -> Result<Option<N>> {
        let Some(value) = self.given(field) else {
            return Ok(None);
        };
        let number = strict::whole(value).filter(|number| *number >= 0);
        number
            .and_then(|number| N::try_from(number).ok())
            .map(Some)
            .ok_or_else(|| {
                Error::invalid(
                    field,
                    format!("is {}, but must be a whole number, 0 or more.", shown(value)),
                )
            })
    }
}

/// The items of a list, or the faults of all of them.
pub(super) fn all<T>(items: impl IntoIterator<Item = Result<T>>) -> Result<Vec<T>> {
    let (mut read, mut faults) = (Vec::new(), Vec::new());
    for item in items {
        match item.map_err(Error::into_faults) {
            Ok(item) => read.push(item),
            Err(of_item) => faults.extend(of_item?),
        }
    }
    Error::of_faults(faults).map_or(Ok(read), Err)
}

/// Checks the name of an object of Kubernetes (DNS-1123 subdomain).
pub(super) fn check_name_of(kind: &str, path: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label =
        |label: &str| label.starts_with(plain) && label.ends_with(plain) && label.chars().all(|c| plain(c) || c == '-');
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(());
    }
    Err(Error::invalid(
        path,
        format!(
            "is {}, which cannot be the name of a {kind}: that has lower-case letters, digits, hyphens and dots only.",
            shorten(name)
        ),
    ))
}

/// Checks the name of a container, a volume or a port of a pod (DNS-1123 label).
pub(super) fn check_label(path: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty() {
        return Err(Error::invalid(path, "is missing: give it a name, such as \"data\"."));
    }
    if name.len() <= 63
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name.chars().all(|c| plain(c) || c == '-')
    {
        return Ok(());
    }
    Err(Error::invalid(
        path,
        format!(
            "is {}, but a name here has at most 63 lower-case letters, digits and hyphens, and neither starts nor ends \
             with a hyphen.",
            shorten(name)
        ),
    ))
}

/// Refuses a name that is there twice.
pub(super) fn check_unique<'n>(names: impl IntoIterator<Item = (String, &'n str)>) -> Result<()> {
    let mut seen: Vec<(String, &str)> = Vec::new();
    for (path, name) in names {
        if let Some((first, _)) = seen.iter().find(|(_, other)| *other == name) {
            return Err(Error::invalid(
                path,
                format!("is {}, as {first} is already.", shorten(name)),
            ));
        }
        seen.push((path, name));
    }
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
