//! The fields that say how pods come and go.

use k8s_openapi::api::apps::v1::StatefulSetUpdateStrategy;
use serde_json::{Value, json};

use super::fields::Fields;
use crate::error::{Error, Result};
use crate::strict;

/// Reads the field `UpdateStrategy`: its type alone, or Kubernetes's own words.
pub(super) fn update_strategy(fields: Fields<'_>) -> Result<Option<StatefulSetUpdateStrategy>> {
    const FIELD: &str = "UpdateStrategy";
    let strategy: StatefulSetUpdateStrategy = match fields.given(FIELD) {
        None => return Ok(None),
        Some(Value::String(name)) => strict::read(FIELD, &json!({"type": name}))?,
        Some(other) => strict::read(FIELD, other)?,
    };
    match strategy.type_.as_deref() {
        None | Some("RollingUpdate") => Ok(Some(strategy)),
        Some("OnDelete") if strategy.rolling_update.is_none() => Ok(Some(strategy)),
        Some("OnDelete") => Err(Error::invalid(
            format!("{FIELD}.rollingUpdate"),
            "must be left out where the type is OnDelete.",
        )),
        Some(_) => Err(Error::invalid(
            format!("{FIELD}.type"),
            "must be RollingUpdate or OnDelete.",
        )),
    }
}
