//! The grace periods of causes that the platform sets.

use std::time::Duration;

use serde_json::Value;

use super::reader::{entries, inside, seconds};
use crate::error::{Error, Result};
use crate::status::diagnosis::{Cause, GracePeriods};
use crate::text::did_you_mean;

pub(super) fn parse(path: &str, value: &Value) -> Result<GracePeriods> {
    let period = |(reason, value): (&str, &Value)| {
        let path = inside(path, reason);
        let Some(cause) = Cause::named(reason) else {
            let near = did_you_mean(reason, Cause::ALL.iter().map(|cause| cause.reason()));
            return Err(Error::invalid(path, format!("is an unknown reason{near}")));
        };
        Ok((cause, Duration::from_secs_f64(seconds(&path, value)?)))
    };
    entries(path, value)?.into_iter().map(period).collect()
}
