//! Resolves a user's configuration on this platform.

use serde_json::{Map, Value};

use super::defaults::fill;
use super::forced::force;
use super::resources;
use super::settings::Platform;
use crate::config::{Configuration, DataServiceSpec, Target};
use crate::error::Result;

impl Platform {
    /// Completes a configuration with what the platform fills in and forces.
    ///
    /// A configuration that names an existing service is left as it is, since nothing is made of it.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidSpec`] when the user sets another value than the forced one.
    pub fn complete(&self, config: &Value) -> Result<Value> {
        let Value::Object(given) = config else {
            return Ok(config.clone());
        };
        if names_existing(given) {
            return Ok(config.clone());
        }
        let mut completed = given.clone();
        force(&mut completed, &self.forced, &self.sources)?;
        fill(&mut completed, &self.defaults)?;
        resources::complete(
            &mut completed,
            &self.defaults,
            &self.forced,
            &self.limits.per_pod,
            &self.sources,
        )?;
        Ok(Value::Object(completed))
    }

    /// Resolves a configuration on this platform. [`Self::check`] decides whether the platform allows the result.
    ///
    /// The hash is that of the user's own configuration: it identifies what a user asked for, and settings that change
    /// must not make a service that runs another one.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidSpec`] that names the first field at fault: of the user's own mistakes, else of
    /// what contradicts the platform.
    pub fn resolve(&self, config: &Value) -> Result<Configuration> {
        let Configuration { target, place } = Configuration::parse(config)?;
        let own = match target {
            Target::New(own) => own,
            target @ Target::Existing(_) => return Ok(Configuration { target, place }),
        };
        let own_hash = Some(own.hash());
        let completed = self.complete(config)?;
        let spec = if completed == *config {
            own
        } else {
            match Target::parse(&completed)? {
                Target::New(spec) => spec,
                target @ Target::Existing(_) => return Ok(Configuration { target, place }),
            }
        };
        let spec = self.apply(spec);
        let target = Target::New(DataServiceSpec { own_hash, ..spec });
        Ok(Configuration { target, place })
    }
}

fn names_existing(config: &Map<String, Value>) -> bool {
    let name = config.get("ExistingReleaseName").and_then(Value::as_str);
    name.is_some_and(|name| !name.is_empty())
}
