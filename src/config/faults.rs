//! All faults of a configuration, where reading it ends at the first.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::{Error, FieldFault, Result};
use crate::text::shortened;

/// The field that is required, so that reading on takes a value for it.
const REQUIRED: &str = "Image";

/// The field that turns all others off.
const EXISTING: &str = "ExistingReleaseName";

/// The fields that may name one of `Ports`.
const NAMING_PORTS: [&str; 4] = ["ReadinessProbe", "LivenessProbe", "StartupProbe", "PreStop"];

/// Reads a configuration. Where a field is at fault, the rest is read without it, until nothing else is at fault.
///
/// # Errors
/// [`Error::InvalidSpec`] with the faults of all fields. A consequence of another fault is not one of them.
pub fn every_fault<T>(config: &Value, read: impl Fn(&Value) -> Result<T>) -> Result<T> {
    let error = match read(config) {
        Err(error @ Error::InvalidSpec { .. }) => error,
        other => return other,
    };
    let Value::Object(given) = config else {
        return Err(error);
    };
    let mut search = Search {
        given,
        rest: given.clone(),
        at_fault: BTreeSet::new(),
        faults: Vec::new(),
    };
    let mut found = error.into_faults()?;
    while search.note(found) {
        match read(&Value::Object(search.rest.clone())).map_err(Error::into_faults) {
            Err(Ok(more)) => found = more,
            Ok(_) | Err(Err(_)) => break,
        }
    }
    Err(Error::of_faults(search.faults).unwrap_or_else(|| Error::invalid("DataServiceConfig", "cannot be read.")))
}

/// The parts of a configuration that are known so far.
struct Search<'a> {
    given: &'a Map<String, Value>,
    /// The configuration without the fields at fault.
    rest: Map<String, Value>,
    at_fault: BTreeSet<String>,
    faults: Vec<FieldFault>,
}

impl Search<'_> {
    /// Notes faults and takes their fields out. Returns whether the rest is worth reading.
    fn note(&mut self, found: Vec<FieldFault>) -> bool {
        let is_first = self.faults.is_empty();
        let mut goes_on = false;
        let mut fields = Vec::new();
        for fault in found {
            let field = self.field_of(&fault.field);
            let is_given = field
                .as_deref()
                .is_some_and(|field| field == REQUIRED || self.is_given(field));
            let is_known = field.as_ref().is_some_and(|field| self.at_fault.contains(field));
            if is_first || (is_given && !is_known && !self.follows(field.as_deref(), &fault)) {
                self.faults.push(fault);
            }
            fields.extend(field.filter(|_| !is_known && is_given));
        }
        for field in fields {
            goes_on |= field != EXISTING;
            if field == REQUIRED {
                self.rest.insert(field.clone(), "image".into());
            } else {
                self.rest.remove(&field);
            }
            self.at_fault.insert(field);
        }
        goes_on && !self.at_fault.contains(EXISTING)
    }

    /// The field that a path begins with.
    fn field_of(&self, path: &str) -> Option<String> {
        let begins_with = |field: &str| {
            path.strip_prefix(shortened(field).as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let fields = self.given.keys().map(String::as_str).chain([REQUIRED]);
        fields
            .filter(|field| begins_with(field))
            .max_by_key(|field| field.len())
            .map(str::to_owned)
    }

    fn is_given(&self, field: &str) -> bool {
        self.given.get(field).is_some_and(|value| !value.is_null())
    }

    /// Whether a fault may be there only because another field was taken out.
    fn follows(&self, field: Option<&str>, fault: &FieldFault) -> bool {
        self.at_fault.contains("Ports")
            && field.is_some_and(|field| NAMING_PORTS.contains(&field))
            && fault.field.rsplit('.').next() == Some("port")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Target;
    use super::*;

    fn faults(config: &Value) -> Vec<String> {
        let error = Target::parse(config).expect_err("faults");
        let faults = error.into_faults().expect("of fields");
        faults.into_iter().map(|fault| fault.field).collect()
    }

    fn sorted(config: &Value) -> Vec<String> {
        let mut faults = faults(config);
        faults.sort();
        faults
    }

    #[test]
    fn every_field_at_fault_is_reported_once() {
        assert_eq!(
            sorted(&json!({
                "Image": "", "Port": 0, "Replicas": -1, "Replica": 2, "a.b": 1, "Cluster": 3, "Namespace": "Bad_Name",
                "Requests": {"cpu": "x"}, "Command": ["sh", 1, 2], "Ports": [{"port": 0}, {"name": "B", "port": 1}],
                "PodSecurityContext": {"runAsUsr": 1, "fsGroup": "a"}, "Tolerations": [{"key": 1}, {"kay": "x"}],
                "MinReadySeconds": null,
            })),
            [
                "Cluster",
                "Command[1]",
                "Command[2]",
                "Image",
                "Namespace",
                "PodSecurityContext.fsGroup",
                "PodSecurityContext.runAsUsr",
                "Port",
                "Ports[0].port",
                "Ports[1].name",
                "Replica",
                "Replicas",
                "Requests.cpu",
                "Tolerations[0].key",
                "Tolerations[1].kay",
                "a.b",
            ]
        );
    }

    #[test]
    fn consequences_of_another_fault_are_not_reported() {
        let probe = json!({"httpGet": {"port": "web"}});
        let config = json!({"Image": "i", "Ports": [{"name": "web", "port": 0}], "ReadinessProbe": probe});
        assert_eq!(faults(&config), ["Ports[0].port"]);
        assert_eq!(
            faults(&json!({"ExistingReleaseName": "A B", "Port": 0})),
            ["ExistingReleaseName"]
        );
        assert_eq!(faults(&json!({"Port": 0})), ["Port", "Image"]);
    }
}
