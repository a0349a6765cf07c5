//! The phase of a pod: the kubelet's `getPhase`.

use super::{ContainerState, Role, State};

/// The phase of a pod with these containers.
pub(super) fn of(containers: &[ContainerState], restart_policy: &str) -> &'static str {
    let with_role = |role: Role| containers.iter().filter(move |container| container.role == role);
    let is_pending = with_role(Role::Init).any(|init| match (&init.state, &init.last) {
        (State::Ended(ended), _) | (State::Waiting { .. }, Some(ended)) => ended.code != 0 && restart_policy != "Never",
        _ => true,
    });
    let has_failed = with_role(Role::Init)
        .any(|init| matches!(&init.state, State::Ended(ended) if ended.code != 0) && restart_policy == "Never");
    if has_failed {
        return "Failed";
    }
    let sidecars_wait = with_role(Role::Sidecar).any(|sidecar| sidecar.is_new() || !sidecar.has_started);
    let (mut running, mut ended, mut succeeded, mut waiting) = (0, 0, 0, 0);
    for container in with_role(Role::Main) {
        match (&container.state, &container.last) {
            (State::Running { .. }, _) => running += 1,
            (State::Ended(end), _) | (State::Waiting { .. }, Some(end)) => {
                ended += 1;
                succeeded += usize::from(end.code == 0);
            }
            (State::Waiting { .. }, None) => waiting += 1,
        }
    }
    let sidecars_run = with_role(Role::Sidecar).any(|sidecar| matches!(sidecar.state, State::Running { .. }));
    if is_pending || waiting > 0 || sidecars_wait && running + ended == 0 {
        return "Pending";
    }
    if running > 0 || restart_policy == "Always" || sidecars_run {
        return "Running";
    }
    if ended == succeeded {
        return "Succeeded";
    }
    if restart_policy == "Never" { "Failed" } else { "Running" }
}
