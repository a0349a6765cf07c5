//! Pods whose containers are real processes.

mod containers;
mod deletion;
mod faults;
mod killed;
mod log;
mod ports;
mod probes;
mod support;
