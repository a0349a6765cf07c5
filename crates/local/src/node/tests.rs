//! Pods whose containers are real processes.

mod containers;
mod deletion;
mod faults;
mod killed;
mod log;
#[cfg(target_os = "linux")]
mod namespaces;
mod ports;
mod probes;
mod support;
