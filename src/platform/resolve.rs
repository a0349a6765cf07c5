//! From what a user has written to what is made of it on this platform.

use serde_json::{Map, Value};

use super::Platform;
use super::defaults::fill;
use super::forced::force;
use super::resources;
use crate::error::Result;
use crate::spec::{DataServiceSpec, Target};

impl Platform {
    /// Completes a configuration with what the platform fills in and forces.
    ///
    /// A configuration that names an existing service is left as it is, since nothing is made of it.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidSpec`] when the user has said something else than what is forced.
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
            self.limits.per_pod(),
            &self.sources,
        )?;
        Ok(Value::Object(completed))
    }

    /// What a configuration asks for on this platform. Whether it may have it, [`Self::check`] tells of the result.
    ///
    /// The hash is that of the user's own configuration: it says what a user asked for, and settings that change must not
    /// make a service that runs another one.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidSpec`] that names the first field at fault: of the user's own mistakes, else of what
    /// contradicts the platform.
    pub fn resolve(&self, config: &Value) -> Result<Target> {
        let Target::New(own) = Target::parse(config)? else {
            return Target::parse(config);
        };
        Ok(match Target::parse(&self.complete(config)?)? {
            Target::New(spec) => Target::New(DataServiceSpec {
                own_hash: Some(own.hash()),
                ..self.apply(spec)
            }),
            existing @ Target::Existing(_) => existing,
        })
    }
}

fn names_existing(config: &Map<String, Value>) -> bool {
    let name = config.get("ExistingReleaseName").and_then(Value::as_str);
    name.is_some_and(|name| !name.is_empty())
}
