//! The target of a task's configuration: a service to create, or one that exists.

use serde_json::Value;

use super::checks::check_known;
use super::faults::every_fault;
use super::place::{Place, WrittenPlace};
use super::spec::DataServiceSpec;
use super::written::Written;
use crate::error::{Error, Result};

/// The target of a task's configuration.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made for each create, and moved a few times"
)]
pub enum Target {
    /// A service to be made.
    New(DataServiceSpec),
    /// A service that exists already, by its name: it is used, never made, never changed, never deleted by the task.
    Existing(String),
}

impl Target {
    /// Reads a configuration as Flyte delivers it: every number a float, absent fields absent or null.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names the fields at fault.
    pub fn parse(config: &Value) -> Result<Self> {
        Configuration::parse(config).map(|configuration| configuration.target)
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

/// The configuration of a task: the service and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// The service.
    pub target: Target,
    /// Where.
    pub place: Place,
}

impl Configuration {
    /// Reads a configuration as Flyte delivers it: every number a float, absent fields absent or null.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names the fields at fault.
    pub fn parse(config: &Value) -> Result<Self> {
        every_fault(config, Self::parse_to_the_first_fault)
    }

    fn parse_to_the_first_fault(config: &Value) -> Result<Self> {
        let Value::Object(fields) = config else {
            return Err(Error::invalid(
                "DataServiceConfig",
                "must be a dictionary of the documented fields.",
            ));
        };
        check_known(fields)?;
        let written = WrittenPlace::read(config)?;
        let place = written.place()?;
        let target = match written.existing()? {
            Some(name) => Target::Existing(name),
            None => Target::New(DataServiceSpec::new(Written::read(config)?)?),
        };
        Ok(Self { target, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FIELDS;
    use serde_json::{Map, json};

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
        let with_null: Map<_, _> = FIELDS
            .iter()
            .map(|field| (field.name.to_owned(), Value::Null))
            .collect();
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
            (json!({"Image": "i", "Replicas": "two"}), "Replicas is \"two\""),
            (json!({"Image": "i", "Replicas": "-2"}), "Replicas is \"-2\""),
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
            (json!({"Image": "i", "Replica": 1}), "Replica is an unknown field"),
            (json!([]), "DataServiceConfig must be"),
        ] {
            let message = Target::parse(&config).expect_err(field).to_string();
            assert!(message.starts_with(field), "{message}");
        }
    }

    #[test]
    fn the_hash_tells_services_apart_but_not_ways_of_writing_one() {
        let plain = spec(&json!({"Image": "i", "Name": "a"}));
        let written_out = spec(&json!({
            "Image": "i", "Name": "b", "Port": 40000.0, "Replicas": "1", "Command": [], "Requests": {"cpu": "2000m", "mem": 1e10},
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
