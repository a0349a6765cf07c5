//! The fields that every service has: its image, its words, its port, its number of pods.

use serde_json::Value;

use super::fields::{Fields, all};
use super::{DEFAULT_PORT, DEFAULT_REPLICAS};
use crate::error::{Error, Result};
use crate::strict::whole;
use crate::wording::{shorten, shown};

/// The field `Image`.
pub(super) fn image(fields: Fields<'_>) -> Result<String> {
    let image = fields.text("Image")?.unwrap_or_default();
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

/// The words of the field `Command` or `Args`; none where there are none.
pub(super) fn words(fields: Fields<'_>, field: &str) -> Result<Option<Vec<String>>> {
    let Some(value) = fields.given(field) else {
        return Ok(None);
    };
    let Value::Array(items) = value else {
        return Err(Error::invalid(
            field,
            "must be a list of strings, such as [\"sh\", \"-c\", \"my-service\"].",
        ));
    };
    let words = all(items.iter().enumerate().map(|(index, item)| match item {
        Value::String(word) if word.contains('\0') => Err(Error::invalid(
            format!("{field}[{index}]"),
            "contains a NUL character, which no program can be given.",
        )),
        Value::String(word) => Ok(word.clone()),
        // What it is instead is not shown, since a command may hold a secret.
        _ => Err(Error::invalid(
            format!("{field}[{index}]"),
            "must be a string, such as \"--verbose\".",
        )),
    }))?;
    Ok((!words.is_empty()).then_some(words))
}

/// The field `Port`, if it was said.
pub(super) fn port(fields: Fields<'_>) -> Result<Option<u16>> {
    fields.given("Port").map(|value| port_number("Port", value)).transpose()
}

/// A port's number.
pub(super) fn port_number(path: &str, value: &Value) -> Result<u16> {
    whole(value)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0)
        .ok_or_else(|| {
            Error::invalid(
                path,
                format!("is {}, but a port is a whole number from 1 to 65535.", shown(value)),
            )
        })
}

/// The port that the service is known by: `Port`, else the first of `Ports`, else the default.
pub(super) fn main_port(port: Option<u16>, ports: &[super::Port]) -> u16 {
    port.or_else(|| ports.first().map(|first| first.port))
        .unwrap_or(DEFAULT_PORT)
}

/// The field `Replicas`.
pub(super) fn replicas(fields: Fields<'_>) -> Result<u32> {
    let Some(value) = fields.given("Replicas") else {
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
