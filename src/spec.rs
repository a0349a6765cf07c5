//! What a user asks for, parsed and validated once, so that a bad state cannot be built.

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::names::{NAME_LIMIT, check_existing_name, check_name};
use crate::platform::DEFAULT_MIN_READY_SECONDS;
use crate::quantity::{self, Amounts};
use crate::template::PodTemplate;
use crate::wording::{nearest, shorten, shortened, shown};

/// The port of a service whose user names none.
pub const DEFAULT_PORT: u16 = 40000;
/// The number of pods of a service whose user names none.
pub const DEFAULT_REPLICAS: u32 = 1;

/// The longest name of a cluster, in bytes: it is kept in Flyte's state of the task, which has to stay small.
const CLUSTER_LIMIT: usize = 253;

/// The documented fields of `DataServiceConfig`, as they are spelled on the wire.
pub const FIELDS: [&str; 10] = [
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
];

/// What the configuration of a task asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A service to be made.
    New(DataServiceSpec),
    /// A service that exists already, by its name: it is used, never made, never changed, never deleted by the task.
    Existing(String),
}

/// A service to be made. Each value is valid; defaults are filled in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataServiceSpec {
    /// The name that the user gave. Not part of the hash: it is what two services of the same hash are compared under.
    #[serde(skip)]
    pub name: Option<String>,
    /// The container image.
    pub image: String,
    /// The command; without one the image's own entry point runs.
    pub command: Option<Vec<String>>,
    /// The port that the service listens on, the same in each pod.
    pub port: u16,
    /// The number of pods.
    pub replicas: u32,
    /// For how many seconds a pod has to stand before it counts as ready. Not part of the hash: the platform decides it.
    #[serde(skip)]
    pub min_ready_seconds: i32,
    /// What each pod requests, by Kubernetes's resource names.
    #[serde(serialize_with = "quantity::by_value")]
    pub requests: Amounts,
    /// What each pod is limited to, by Kubernetes's resource names.
    #[serde(serialize_with = "quantity::by_value")]
    pub limits: Amounts,
    /// What else the user says of the pods. Without one the hash is what it has always been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Box<PodTemplate>>,
}

impl Target {
    /// Reads a configuration as Flyte delivers it: every number a float, absent fields absent or null.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names the first field at fault.
    pub fn parse(config: &Value) -> Result<Self> {
        let Value::Object(config) = config else {
            return Err(Error::invalid(
                "DataServiceConfig",
                "must be a dictionary of the documented fields.",
            ));
        };
        if let Some(unknown) = config
            .iter()
            .find_map(|(key, value)| (!value.is_null() && !FIELDS.contains(&key.as_str())).then_some(key))
        {
            let unknown = shortened(unknown);
            return Err(Error::invalid(
                unknown.as_str(),
                format!(
                    "is not a field of DataServiceConfig, which has {}. Nearest to it is {}.",
                    FIELDS.join(", "),
                    nearest(&unknown, FIELDS)
                ),
            ));
        }
        // An empty string has always meant "no existing service".
        if let Some(existing) = text(config, "ExistingReleaseName")?.filter(|name| !name.is_empty()) {
            check_existing_name("ExistingReleaseName", &existing)?;
            if existing.len() > NAME_LIMIT {
                return Err(Error::invalid(
                    "ExistingReleaseName",
                    format!("is longer than {NAME_LIMIT} characters, and a StatefulSet of such a name has no pods."),
                ));
            }
            return Ok(Self::Existing(existing));
        }
        DataServiceSpec::parse(config).map(Self::New)
    }

    /// The name that the configuration gives, if any.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::New(spec) => spec.name.as_deref(),
            Self::Existing(name) => Some(name),
        }
    }
}

/// Reads the field `Cluster`, which names the context to use. An empty string means none.
///
/// # Errors
/// [`Error::InvalidSpec`] when it is not text, or too long.
pub fn parse_cluster(config: &Value) -> Result<Option<String>> {
    let Value::Object(config) = config else { return Ok(None) };
    let cluster = text(config, "Cluster")?.filter(|cluster| !cluster.is_empty());
    if cluster.as_ref().is_some_and(|cluster| cluster.len() > CLUSTER_LIMIT) {
        return Err(Error::invalid(
            "Cluster",
            format!("is longer than {CLUSTER_LIMIT} characters."),
        ));
    }
    Ok(cluster)
}

impl DataServiceSpec {
    fn parse(config: &Map<String, Value>) -> Result<Self> {
        let name = text(config, "Name")?;
        if let Some(name) = &name {
            check_name("Name", name)?;
        }
        let amounts = |field| {
            given(config, field)
                .map(|value| quantity::from_flyte(field, value))
                .transpose()
        };
        let (requests, limits) = quantity::complete(amounts("Requests")?, amounts("Limits")?)?;
        Ok(Self {
            name,
            min_ready_seconds: DEFAULT_MIN_READY_SECONDS,
            image: image(config)?,
            command: command(config)?,
            port: port(config)?,
            replicas: replicas(config)?,
            requests,
            limits,
            pod_template: given(config, "PodTemplate")
                .map(|template| PodTemplate::parse(template).map(Box::new))
                .transpose()?,
        })
    }

    /// The hash of everything that makes this service what it is: 16 hexadecimal digits.
    ///
    /// Two configurations that ask for the same service have the same hash, however they were written.
    #[must_use]
    pub fn hash(&self) -> String {
        // A struct of strings, numbers and string-keyed maps always serializes.
        let canonical = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(canonical)
            .iter()
            .take(8)
            .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"))
    }
}

fn given<'a>(config: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    config.get(field).filter(|value| !value.is_null())
}

fn text(config: &Map<String, Value>, field: &str) -> Result<Option<String>> {
    match given(config, field) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(Error::invalid(field, format!("must be text, not {}.", shown(other)))),
    }
}

fn image(config: &Map<String, Value>) -> Result<String> {
    let image = text(config, "Image")?.unwrap_or_default();
    if image.is_empty() {
        return Err(Error::invalid(
            "Image",
            "is missing: name the container image of the service, or an ExistingReleaseName to use a service that runs already.",
        ));
    }
    if image.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Error::invalid(
            "Image",
            format!("is {}, but an image's name has no spaces.", shorten(&image)),
        ));
    }
    Ok(image)
}

fn command(config: &Map<String, Value>) -> Result<Option<Vec<String>>> {
    let Some(value) = given(config, "Command") else {
        return Ok(None);
    };
    let Value::Array(items) = value else {
        return Err(Error::invalid(
            "Command",
            "must be a list of strings, such as [\"sh\", \"-c\", \"my-service\"].",
        ));
    };
    let command = items
        .iter()
        .enumerate()
        .map(|(index, item)| match item {
            Value::String(word) if word.contains('\0') => Err(Error::invalid(
                format!("Command[{index}]"),
                "contains a NUL character, which no program can be given.",
            )),
            Value::String(word) => Ok(word.clone()),
            // What it is instead is not shown, since a command may hold a secret.
            _ => Err(Error::invalid(
                format!("Command[{index}]"),
                "must be a string, such as \"--verbose\".",
            )),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((!command.is_empty()).then_some(command))
}

fn port(config: &Map<String, Value>) -> Result<u16> {
    let Some(value) = given(config, "Port") else {
        return Ok(DEFAULT_PORT);
    };
    whole(value)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0)
        .ok_or_else(|| {
            Error::invalid(
                "Port",
                format!("is {}, but a port is a whole number from 1 to 65535.", shown(value)),
            )
        })
}

fn replicas(config: &Map<String, Value>) -> Result<u32> {
    let Some(value) = given(config, "Replicas") else {
        return Ok(DEFAULT_REPLICAS);
    };
    whole(value)
        // Kubernetes keeps the number in a signed 32-bit integer.
        .and_then(|replicas| i32::try_from(replicas).ok())
        .and_then(|replicas| u32::try_from(replicas).ok())
        .ok_or_else(|| {
            Error::invalid(
                "Replicas",
                format!(
                    "is {}, but the number of pods is a whole number, 0 or more.",
                    shown(value)
                ),
            )
        })
}

/// A number that is whole, though it may be written as a float, as every number is that went through Flyte.
fn whole(value: &Value) -> Option<i64> {
    if let Some(integer) = value.as_i64() {
        return Some(integer);
    }
    let float = value.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the guard leaves only whole numbers that an i64 holds exactly"
    )]
    (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(config: &Value) -> DataServiceSpec {
        match Target::parse(config).expect("valid") {
            Target::New(spec) => spec,
            Target::Existing(name) => panic!("attached to {name}"),
        }
    }

    #[test]
    fn a_configuration_as_flyte_sends_it_is_read() {
        let spec = spec(&json!({
            "Name": "foo", "Image": "busybox", "Command": ["sh", "-c", "true"], "Port": 40001.0, "Replicas": 2.0,
            "ExistingReleaseName": null, "Cluster": null,
        }));
        assert_eq!(spec.name.as_deref(), Some("foo"));
        assert_eq!((spec.port, spec.replicas), (40001, 2));
        assert_eq!(spec.command.expect("a command").len(), 3);
    }

    #[test]
    fn fields_that_are_null_or_absent_get_the_documented_defaults() {
        let with_null: Map<_, _> = FIELDS.iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
        let mut with_null = Value::Object(with_null);
        with_null["Image"] = json!("busybox");
        let spec = spec(&with_null);
        assert_eq!(spec, super::tests::spec(&json!({"Image": "busybox"})));
        assert_eq!(
            (spec.name, spec.command, spec.port, spec.replicas),
            (None, None, 40000, 1)
        );
    }

    #[test]
    fn an_existing_service_needs_nothing_else_and_ignores_placeholders() {
        let target = Target::parse(&json!({"ExistingReleaseName": "foo", "Image": "", "Command": [1], "Port": -1}));
        assert_eq!(target.expect("valid"), Target::Existing("foo".to_owned()));
    }

    #[test]
    fn an_empty_existing_release_name_means_a_new_service() {
        assert_eq!(
            spec(&json!({"ExistingReleaseName": "", "Image": "busybox"})).image,
            "busybox"
        );
    }

    #[test]
    fn bad_input_is_refused_with_the_field_that_is_at_fault() {
        for (config, field) in [
            (json!({}), "Image is missing"),
            (json!({"Image": ""}), "Image is missing"),
            (json!({"Image": "a b"}), "Image is"),
            (json!({"Image": 1}), "Image must be text"),
            (json!({"Image": "i", "Name": "Bad_Name"}), "Name "),
            (json!({"Image": "i", "Name": ""}), "Name "),
            (json!({"Image": "i", "Replicas": -1.0}), "Replicas is -1,"),
            (json!({"Image": "i", "Replicas": 1.5}), "Replicas is 1.5"),
            (json!({"Image": "i", "Replicas": "2"}), "Replicas is \"2\""),
            (json!({"Image": "i", "Replicas": true}), "Replicas is"),
            (json!({"Image": "i", "Replicas": 3_000_000_000.0}), "Replicas is"),
            (json!({"Image": "i", "Port": 0.0}), "Port is 0,"),
            (json!({"Image": "i", "Port": 70000.0}), "Port is 70000,"),
            (json!({"Image": "i", "Port": 80.5}), "Port is 80.5"),
            (json!({"Image": "i", "Command": "sleep 1"}), "Command must be a list"),
            (
                json!({"Image": "i", "Command": ["sh", 1]}),
                "Command[1] must be a string",
            ),
            (json!({"Image": "i", "Command": ["a\u{0}b"]}), "Command[0] contains"),
            (json!({"Image": "i", "Requests": {"cpu": "x"}}), "Requests.cpu is"),
            (json!({"Image": "i", "Cluster": 3}), "Cluster must be text"),
            (json!({"Image": "i", "Cluster": "c".repeat(254)}), "Cluster is longer"),
            (json!({"ExistingReleaseName": "A B"}), "ExistingReleaseName "),
            (
                json!({"ExistingReleaseName": "a".repeat(53)}),
                "ExistingReleaseName is longer",
            ),
            (json!({"Image": "i", "Replica": 1}), "Replica is not a field"),
            (json!([]), "DataServiceConfig must be"),
        ] {
            let message = Target::parse(&config)
                .and_then(|_| parse_cluster(&config))
                .expect_err(field)
                .to_string();
            assert!(message.starts_with(field), "{message}");
        }
    }

    #[test]
    fn the_hash_tells_services_apart_but_not_ways_of_writing_one() {
        let plain = spec(&json!({"Image": "i", "Name": "a"}));
        let written_out = spec(&json!({
            "Image": "i", "Name": "b", "Port": 40000.0, "Replicas": 1, "Command": [], "Requests": {"cpu": "2000m", "mem": 1e10},
        }));
        assert_eq!(plain.hash(), written_out.hash());
        assert_eq!(plain.hash().len(), 16);
        for other in [
            json!({"Image": "j"}),
            json!({"Image": "i", "Port": 1}),
            json!({"Image": "i", "Requests": {}}),
        ] {
            assert_ne!(plain.hash(), spec(&other).hash(), "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_configuration_makes_the_parser_panic(image in ".*", name in ".*", port in -1e20..1e20f64, mem in ".*") {
            let config = json!({"Image": image, "Name": name, "Port": port, "Limits": {"mem": mem}});
            if let Ok(Target::New(spec)) = Target::parse(&config) {
                proptest::prop_assert!(spec.port > 0 && !spec.image.is_empty());
            }
        }
    }
}
