//! The schemas of what is written in short, of amounts, and of Kubernetes's own objects.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::super::accelerator::{Accelerator, WrittenAccelerator};
use super::super::environment::WrittenVariables;
use super::super::later::Later;
use super::super::lifetime::{FullLifetime, Length, WrittenLifetime};
use super::super::policies::WrittenPolicy;
use super::super::rollout::WrittenStrategy;
use super::super::words::{Count, PortNumber, Replicas};

/// A type whose schema is written out.
macro_rules! schema {
    ($type:ty, $name:literal, $($json:tt)+) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($($json)+)
            }
        }
    };
}

/// An object in Kubernetes's own words, which Kubernetes's documentation describes.
pub(crate) struct KubernetesObject;
schema!(KubernetesObject, "KubernetesObject", {"type": "object"});

/// A container in Kubernetes's own words.
pub(crate) struct NamedContainer;
schema!(NamedContainer, "NamedContainer", {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}},
    "required": ["name"],
});

/// A volume of Kubernetes, and how it is mounted.
pub(crate) struct MountedVolume;
schema!(MountedVolume, "MountedVolume", {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63},
        "mountPath": {"type": "string", "pattern": "^/[^:]*$", "description": "Where it is mounted."},
        "subPath": {"type": ["string", "null"], "description": "The path within the volume that is mounted."},
        "readOnly": {"type": ["boolean", "null"], "description": "Whether it is only read."},
    },
    "required": ["name", "mountPath"],
    "minProperties": 3,
});

/// A pod template, and which of its containers is the service's own.
pub(crate) struct Template;
schema!(Template, "Template", {
    "type": "object",
    "properties": {
        "metadata": {"type": ["object", "null"]},
        "spec": {"type": ["object", "null"]},
        "primaryContainerName": {"type": ["string", "null"], "default": "primary"},
    },
    "additionalProperties": false,
});

/// A quantity of Kubernetes, which may be written as a number.
pub(crate) struct Amount;
schema!(Amount, "Amount", {"type": ["string", "number"]});

/// `flytekit.Resources`.
pub(crate) struct Resources;
schema!(Resources, "Resources", {
    "type": "object",
    "properties": {
        "cpu": {"type": ["string", "number", "null"], "description": "CPUs, such as `2` or `500m`."},
        "mem": {"type": ["string", "number", "null"], "description": "Memory, such as `10Gi`."},
        "gpu": {"type": ["string", "number", "null"], "description": "GPUs, a whole number."},
        "ephemeral_storage": {"type": ["string", "number", "null"], "description": "Ephemeral storage, such as `5Gi`."},
    },
    "additionalProperties": false,
});

schema!(PortNumber, "PortNumber", {"type": "integer", "minimum": 1, "maximum": 65535});
schema!(Replicas, "Replicas", {"type": ["integer", "string"], "minimum": 0, "maximum": i32::MAX, "pattern": "^ *[0-9]+ *$"});
schema!(Count<i32>, "Count", {"type": "integer", "minimum": 0, "maximum": i32::MAX});
schema!(Count<i64>, "LongCount", {"type": "integer", "minimum": 0});
schema!(WrittenStrategy, "WrittenStrategy", {"anyOf": [{"enum": ["RollingUpdate", "OnDelete"]}, {"type": "object"}]});
schema!(WrittenPolicy, "WrittenPolicy", {"type": ["boolean", "object"]});
schema!(WrittenVariables, "WrittenVariables", {
    "type": "object",
    "propertyNames": {"pattern": "^[^0-9=\\s][^=\\s]*$"},
    "additionalProperties": {"type": ["string", "object", "null"]},
});

schema!(Length, "Length", {
    "type": ["string", "number"],
    "minimum": 0,
    "description": "A length of time, such as `90s`, `30m`, `12h` or `7d`, or a number of seconds.",
});

impl JsonSchema for WrittenLifetime {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "WrittenLifetime".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<FullLifetime>();
        json_schema!({"anyOf": [{"enum": ["run", "execution", "persist"]}, full]})
    }
}

impl JsonSchema for WrittenAccelerator {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "WrittenAccelerator".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<Accelerator>();
        json_schema!({"anyOf": [{"type": "string", "minLength": 1}, full]})
    }
}

impl<T: JsonSchema> JsonSchema for Later<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
