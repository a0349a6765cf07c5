//! The field `Secrets`: flytekit's own, which the pods find where Flyte's tasks do.
//!
//! The places are those of flytepropeller's webhook for Secrets of Kubernetes (`flytepropeller/pkg/webhook`,
//! `k8s_secrets.go` and `utils.go`), so that `flytekit.current_context().secrets` works in the service too.

use k8s_openapi::api::core::v1::{
    EnvVar, EnvVarSource, KeyToPath, SecretKeySelector, SecretVolumeSource, Volume, VolumeMount,
};
use serde::Deserialize;

use super::checks::check_name_of;
use super::environment::check_variable;
use super::later::Later;
use crate::error::{Error, Result};

/// Where files are.
const DIRECTORY: &str = "/etc/flyte/secrets";
/// How variables begin.
const PREFIX: &str = "_FSEC_";

/// A secret as flytekit writes it.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, schemars(deny_unknown_fields, rename = "Secret"))]
pub(super) struct WrittenSecret {
    /// The name of the Secret.
    group: String,
    /// The key in it.
    key: String,
    /// Its version, which Secrets of Kubernetes do not have: it is ignored, as Flyte does.
    #[expect(dead_code, reason = "it is read so that it may be written")]
    group_version: Option<String>,
    /// Whether the pods find it in a file or in a variable. Default: a file.
    mount_requirement: Option<Requirement>,
    /// A variable that has it, or the path of its file, besides.
    env_var: Option<String>,
}

/// flytekit's `Secret.MountType`.
#[derive(Deserialize, Clone, Copy, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Requirement {
    Any,
    EnvVar,
    File,
}

/// The effect of secrets on a pod.
#[derive(Default)]
pub(super) struct Secrets {
    /// For every container.
    pub(super) variables: Vec<EnvVar>,
    /// For every container.
    pub(super) mounts: Vec<VolumeMount>,
    /// For the pod.
    pub(super) volumes: Vec<Volume>,
}

/// Checks the field.
pub(super) fn secrets(written: &[Later<WrittenSecret>]) -> Result<Secrets> {
    let mut secrets = Secrets::default();
    for (index, written) in written.iter().enumerate() {
        let path = format!("Secrets[{index}]");
        let written = written.read(&path)?;
        check_name_of("Secret", &format!("{path}.group"), &written.group)?;
        if written.key.is_empty()
            || written
                .key
                .contains(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        {
            return Err(Error::invalid(
                format!("{path}.key"),
                "must be the name of one key of the Secret: letters, digits, hyphens, underscores and dots.",
            ));
        }
        if let Some(variable) = &written.env_var {
            check_variable(&format!("{path}.envVar"), variable)?;
        }
        if written.mount_requirement == Some(Requirement::EnvVar) {
            secrets.add_variable(&written);
        } else {
            secrets.add_file(&written);
        }
    }
    Ok(secrets)
}

impl Secrets {
    fn add_variable(&mut self, secret: &WrittenSecret) {
        let name = format!("{PREFIX}{}_{}", secret.group, secret.key).to_uppercase();
        let value = EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret.group.clone(),
                key: secret.key.clone(),
                optional: None,
            }),
            ..EnvVarSource::default()
        };
        for name in [Some(name), secret.env_var.clone()].into_iter().flatten() {
            self.set(EnvVar {
                name,
                value: None,
                value_from: Some(value.clone()),
            });
        }
        self.say("FLYTE_SECRETS_ENV_PREFIX", PREFIX);
    }

    fn add_file(&mut self, secret: &WrittenSecret) {
        let directory = format!("{DIRECTORY}/{}", secret.group.to_lowercase());
        let file = secret.key.to_lowercase();
        if let Some(path) = &secret.env_var {
            self.say(path, &format!("{directory}/{file}"));
        }
        self.say("FLYTE_SECRETS_DEFAULT_DIR", DIRECTORY);
        self.say("FLYTE_SECRETS_FILE_PREFIX", "");
        let item = KeyToPath {
            key: secret.key.clone(),
            path: file,
            mode: None,
        };
        let mut sources = self.volumes.iter_mut().filter_map(|volume| volume.secret.as_mut());
        if let Some(there) = sources.find(|source| source.secret_name.as_ref() == Some(&secret.group)) {
            there.items.get_or_insert_default().push(item);
            return;
        }
        let name = format!("flyte-secret-{}", self.volumes.len());
        self.mounts.push(VolumeMount {
            name: name.clone(),
            mount_path: directory,
            read_only: Some(true),
            ..VolumeMount::default()
        });
        self.volumes.push(Volume {
            name,
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret.group.clone()),
                items: Some(vec![item]),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        });
    }

    fn say(&mut self, name: &str, value: &str) {
        self.set(EnvVar {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            value_from: None,
        });
    }

    fn set(&mut self, variable: EnvVar) {
        self.variables.retain(|other| other.name != variable.name);
        self.variables.push(variable);
    }
}
