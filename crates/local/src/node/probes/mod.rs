//! Probes: what is asked, and what follows from the answers.

mod grpc;
mod http;
mod series;

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::exec::{Executed, Surroundings};
use crate::actual_ports::ActualPorts;

pub(super) use series::{Series, Verdict};

/// The answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Passed,
    Failed(String),
    /// The probe itself could not be made, which counts for nothing.
    Error(String),
}

/// Which of a container's probes it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Startup,
    Liveness,
    Readiness,
}

impl Kind {
    pub(super) fn of(self, container: &Container) -> Option<&Probe> {
        match self {
            Self::Startup => container.startup_probe.as_ref(),
            Self::Liveness => container.liveness_probe.as_ref(),
            Self::Readiness => container.readiness_probe.as_ref(),
        }
    }

    /// As it begins a sentence of the kubelet.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }
}

/// A container that is asked.
pub(super) struct Target<'a> {
    pub(super) container: &'a Container,
    pub(super) address: &'a str,
    /// The ports that it has instead of those that it declares.
    pub(super) ports: &'a ActualPorts,
    pub(super) surroundings: &'a Surroundings,
}

impl Target<'_> {
    /// Asks once.
    pub(super) async fn ask(&self, probe: &Probe) -> Answer {
        let longest = seconds(probe.timeout_seconds, 1);
        if let Some(exec) = &probe.exec {
            let command = exec.command.as_deref().unwrap_or_default();
            return match self.surroundings.execute(command, longest).await {
                Executed::Ended { code: 0, .. } => Answer::Passed,
                Executed::Ended { output, .. } => Answer::Failed(output),
                Executed::TimedOut(message) => Answer::Failed(message),
                Executed::CannotStart(message) => Answer::Error(message),
            };
        }
        if let Some(get) = &probe.http_get {
            return self.get(get, longest).await;
        }
        if let Some(socket) = &probe.tcp_socket {
            let Some((host, port)) = self.at(socket.host.as_deref(), &socket.port) else {
                return unknown_port(&socket.port);
            };
            return match connect(host, port, longest).await {
                Ok(_) => Answer::Passed,
                Err(message) => Answer::Failed(message),
            };
        }
        if let Some(grpc) = &probe.grpc {
            let port = IntOrString::Int(grpc.port);
            let Some((host, port)) = self.at(None, &port) else {
                return unknown_port(&port);
            };
            return grpc::ask(host, port, grpc.service.as_deref().unwrap_or_default(), longest).await;
        }
        Answer::Error("missing probe handler".to_owned())
    }

    /// Asks by HTTP. With HTTPS, whose certificate the kubelet does not look at, only the connection is made.
    async fn get(&self, get: &HTTPGetAction, longest: Duration) -> Answer {
        let Some((host, port)) = self.at(get.host.as_deref(), &get.port) else {
            return unknown_port(&get.port);
        };
        if get.scheme.as_deref() == Some("HTTPS") {
            return match connect(host, port, longest).await {
                Ok(_) => Answer::Passed,
                Err(message) => Answer::Failed(message),
            };
        }
        http::get(host, port, get, longest).await
    }

    /// Makes the request of a hook, whose answer counts for nothing.
    pub(super) async fn call(&self, get: &HTTPGetAction, longest: Duration) -> Answer {
        self.get(get, longest).await
    }

    /// Where to ask: at the port of another host, or at the one that the pod has for it.
    fn at<'a>(&'a self, host: Option<&'a str>, port: &IntOrString) -> Option<(&'a str, u16)> {
        let port = self.port(port)?;
        Some(match host.filter(|host| !host.is_empty()) {
            Some(host) => (host, port),
            None => (self.address, self.ports.get(&port).copied().unwrap_or(port)),
        })
    }

    fn port(&self, port: &IntOrString) -> Option<u16> {
        let number = match port {
            IntOrString::Int(number) => *number,
            IntOrString::String(name) => {
                let mut ports = self.container.ports.iter().flatten();
                let named = ports.find(|port| port.name.as_ref() == Some(name));
                named.map(|port| port.container_port).or_else(|| name.parse().ok())?
            }
        };
        u16::try_from(number).ok().filter(|port| *port > 0)
    }
}

fn unknown_port(port: &IntOrString) -> Answer {
    let port = match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    Answer::Error(format!("couldn't find port: {port}"))
}

/// Connects, or reports why not in Go's words.
async fn connect(host: &str, port: u16, longest: Duration) -> Result<TcpStream, String> {
    let words = |error: &dyn std::fmt::Display| format!("dial tcp {host}:{port}: {error}");
    match timeout(longest, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Err(words(&"connect: connection refused"))
        }
        Ok(Err(error)) => Err(words(&error)),
        Err(_) => Err(words(&"i/o timeout")),
    }
}

/// A number of seconds of a probe, which has a default, and is not negative.
pub(super) fn seconds(value: Option<i32>, default: u64) -> Duration {
    let value = value.and_then(|value| u64::try_from(value).ok());
    Duration::from_secs(value.filter(|value| *value > 0).unwrap_or(default))
}

#[cfg(test)]
mod tests;
