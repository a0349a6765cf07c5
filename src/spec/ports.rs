//! The field `Ports`: what the service listens on besides, or instead of, its `Port`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::basics::port_number;
use super::fields::{Fields, all, check_unique};
use crate::error::{Error, Result};
use crate::strict;
use crate::wording::shorten;

/// The name of the port of a service whose user names none, as the pods have always had it.
pub const MAIN_PORT_NAME: &str = "graph-engine";

/// The longest name of a port of a pod, in characters (Kubernetes, `IANA_SVC_NAME`).
const NAME_LIMIT: usize = 15;

/// A port of each pod, and of the Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its number.
    pub port: u16,
    /// What is spoken on it below.
    pub protocol: Protocol,
    /// What is spoken on it above, as the Service says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
}

/// A protocol that a port can have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP, which it is unless something else is said.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// Its name in Kubernetes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

/// A port as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    name: Option<String>,
    port: Value,
    protocol: Option<Protocol>,
    app_protocol: Option<String>,
}

/// Reads the field.
pub(super) fn ports(fields: Fields<'_>) -> Result<Vec<Port>> {
    let ports = all(fields.items("Ports")?.iter().map(|(path, item)| port(path, item)))?;
    let path = |index, key| format!("Ports[{index}].{key}");
    let names = ports.iter().enumerate();
    check_unique(names.map(|(index, port)| (path(index, "name"), port.name.as_str())))?;
    for (index, port) in ports.iter().enumerate() {
        let same = |other: &Port| (other.port, other.protocol) == (port.port, port.protocol);
        if let Some(first) = ports[..index].iter().position(same) {
            return Err(Error::invalid(
                path(index, "port"),
                format!("is {}, as Ports[{first}] has already.", port.port),
            ));
        }
    }
    Ok(ports)
}

fn port(path: &str, item: &Value) -> Result<Port> {
    let written: Written = strict::read(path, item)?;
    let port = port_number(&format!("{path}.port"), &written.port)?;
    let name = written.name.unwrap_or_else(|| format!("port-{port}"));
    check_port_name(&format!("{path}.name"), &name)?;
    Ok(Port {
        name,
        port,
        protocol: written.protocol.unwrap_or_default(),
        app_protocol: written.app_protocol,
    })
}

fn check_port_name(path: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let valid = (1..=NAME_LIMIT).contains(&name.len())
        && name.chars().all(|c| plain(c) || c == '-')
        && name.starts_with(plain)
        && name.ends_with(plain)
        && !name.contains("--")
        && name.contains(|c: char| c.is_ascii_lowercase())
        && name != MAIN_PORT_NAME;
    if valid {
        return Ok(());
    }
    Err(Error::invalid(
        path,
        format!(
            "is {}, but a port's name has at most {NAME_LIMIT} lower-case letters, digits and single hyphens, one of \
             them a letter, and is not {MAIN_PORT_NAME}.",
            shorten(name)
        ),
    ))
}
