//! The fields `ReadinessProbe`, `LivenessProbe`, `StartupProbe` and `PreStop`.

use k8s_openapi::api::core::v1::{LifecycleHandler, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::later::Later;
use super::ports::MAIN_PORT_NAME;
use crate::error::{Error, Result};
use crate::text::shorten;

/// The ports that a probe may ask.
pub(super) struct Known<'a> {
    /// The number of the service's main port, the default of a probe.
    pub(super) main: u16,
    /// The names of the others.
    pub(super) names: Vec<&'a str>,
}

/// Reads a probe.
pub(super) fn probe(field: &str, written: Later<Probe>, ports: &Known<'_>) -> Result<Probe> {
    let probe: Probe = with_port(field, written, ports.main)?;
    let asked = [
        ("exec", probe.exec.is_some(), None),
        ("grpc", probe.grpc.is_some(), None),
        (
            "httpGet",
            probe.http_get.is_some(),
            probe.http_get.as_ref().map(|http| &http.port),
        ),
        (
            "tcpSocket",
            probe.tcp_socket.is_some(),
            probe.tcp_socket.as_ref().map(|tcp| &tcp.port),
        ),
    ];
    if asked.iter().filter(|(_, said, _)| *said).count() != 1 {
        return Err(Error::invalid(
            field,
            "must ask in one way: exec, grpc, httpGet or tcpSocket, such as {\"tcpSocket\": {}}.",
        ));
    }
    for (way, _, port) in asked {
        check_port(field, way, port, ports)?;
    }
    Ok(probe)
}

/// Reads the field `PreStop`.
pub(super) fn pre_stop(written: Later<LifecycleHandler>, ports: &Known<'_>) -> Result<LifecycleHandler> {
    const FIELD: &str = "PreStop";
    let handler: LifecycleHandler = with_port(FIELD, written, ports.main)?;
    let said = [
        handler.exec.is_some(),
        handler.http_get.is_some(),
        handler.sleep.is_some(),
    ];
    if said.into_iter().filter(|said| *said).count() != 1 {
        return Err(Error::invalid(
            FIELD,
            "must do one thing: exec, httpGet or sleep, such as {\"sleep\": {\"seconds\": 5}}.",
        ));
    }
    check_port(
        FIELD,
        "httpGet",
        handler.http_get.as_ref().map(|http| &http.port),
        ports,
    )?;
    Ok(handler)
}

/// Reads a probe of a port, by default the service's main port.
fn with_port<T: DeserializeOwned>(field: &str, mut written: Later<T>, port: u16) -> Result<T> {
    for way in ["grpc", "httpGet", "tcpSocket"] {
        if let Some(Value::Object(asked)) = written.0.get_mut(way) {
            asked.entry("port").or_insert_with(|| port.into());
        }
    }
    written.read(field)
}

fn check_port(field: &str, way: &str, port: Option<&IntOrString>, known: &Known<'_>) -> Result<()> {
    let path = format!("{field}.{way}.port");
    match port {
        Some(IntOrString::String(name)) if name != MAIN_PORT_NAME && !known.names.contains(&name.as_str()) => {
            Err(Error::invalid(
                path,
                format!("is {}, but Ports has no port of that name.", shorten(name)),
            ))
        }
        Some(IntOrString::Int(number)) if !(1..=65535).contains(number) => Err(Error::invalid(
            path,
            format!("is {number}, but a port is a whole number from 1 to 65535."),
        )),
        _ => Ok(()),
    }
}
