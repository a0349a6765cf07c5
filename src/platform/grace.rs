//! How long causes may take to pass, where the platform says so.

use std::time::Duration;

use serde_json::Value;

use super::fields::{entries, inside, seconds};
use crate::error::{Error, Result};
use crate::status::diagnosis::{Cause, GracePeriods};
use crate::wording::nearest;

pub(super) fn parse(path: &str, value: &Value) -> Result<GracePeriods> {
    let period = |(reason, value): (&str, &Value)| {
        let path = inside(path, reason);
        let Some(cause) = Cause::named(reason) else {
            let near = nearest(reason, Cause::ALL.iter().map(|cause| cause.reason()));
            return Err(Error::invalid(path, format!("is no reason. Nearest to it is {near}.")));
        };
        Ok((cause, Duration::from_secs_f64(seconds(&path, value)?)))
    };
    entries(path, value)?.into_iter().map(period).collect()
}
