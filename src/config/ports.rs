//! The fields `Port` and `Ports`: what the service listens on.

use serde::{Deserialize, Serialize};

use super::checks::{all, check_unique};
use super::later::Later;
use super::shorthand::unless_empty;
use super::words::PortNumber;
use crate::error::{Error, Result};
use crate::text::shorten;

/// The port of a service whose user names none.
pub const DEFAULT_PORT: u16 = 40000;

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
    /// The transport protocol.
    pub protocol: Protocol,
    /// The application protocol, `appProtocol` of the Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
}

/// A protocol that a port can have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP, the default.
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

/// The fields as they are written.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WrittenPorts {
    /// The port that the service listens on, 1 to 65535. The pods find it in `SERVER_PORT` and `GE_BASE_PORT`. Default:
    /// the first of `Ports`, else 40000.
    #[cfg_attr(test, schemars(extend("default" = DEFAULT_PORT)))]
    pub(super) port: Option<PortNumber>,
    /// More ports. One that has the number of `Port` names that one. Default: none.
    pub(super) ports: Vec<Later<WrittenPort>>,
    /// Whether the pods' names resolve as soon as they have an address, or only when they are ready. Default: `true`.
    #[serde(deserialize_with = "unless_empty")]
    #[cfg_attr(test, schemars(extend("default" = true)))]
    pub(super) publish_not_ready_addresses: Option<bool>,
}

/// A port as it is written.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, schemars(deny_unknown_fields, rename = "Port"))]
pub(super) struct WrittenPort {
    /// Its name, at most 15 characters. Default: `port-<number>`.
    #[cfg_attr(test, schemars(extend("pattern" = "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength" = NAME_LIMIT)))]
    name: Option<String>,
    /// Its number.
    port: PortNumber,
    /// Its protocol. Default: `TCP`.
    #[cfg_attr(test, schemars(extend("default" = "TCP")))]
    protocol: Option<Protocol>,
    /// The application protocol, `appProtocol` of the Service.
    app_protocol: Option<String>,
}

/// Checks the field `Ports`.
pub(super) fn ports(written: &[Later<WrittenPort>]) -> Result<Vec<Port>> {
    let ports = written.iter().enumerate();
    let ports = all(ports.map(|(index, written)| port(&format!("Ports[{index}]"), written)))?;
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

fn port(path: &str, written: &Later<WrittenPort>) -> Result<Port> {
    let written = written.read(path)?;
    let PortNumber(port) = written.port;
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

/// The port that the service is known by: `Port`, else the first of `Ports`, else the default.
pub(super) fn main_port(port: Option<PortNumber>, ports: &[Port]) -> u16 {
    port.map(|PortNumber(port)| port)
        .or_else(|| ports.first().map(|first| first.port))
        .unwrap_or(DEFAULT_PORT)
}
