//! The status of one container.

use k8s_openapi::api::core::v1::{
    Container, ContainerState as Object, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Role {
    Init,
    Sidecar,
    Main,
}

/// A run of a container that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Ended {
    pub(in super::super) reason: &'static str,
    pub(in super::super) code: i32,
    pub(in super::super) message: Option<String>,
    pub(in super::super) started: Timestamp,
    pub(in super::super) finished: Timestamp,
    pub(in super::super) id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum State {
    Waiting {
        reason: &'static str,
        message: Option<String>,
    },
    Running {
        started: Timestamp,
        id: String,
    },
    Ended(Ended),
}

/// What the node knows of a container.
#[derive(Debug, Clone)]
pub(in super::super) struct ContainerState {
    pub(in super::super) name: String,
    image: String,
    pub(in super::super) role: Role,
    pub(in super::super) state: State,
    pub(in super::super) last: Option<Ended>,
    pub(in super::super) restarts: i32,
    /// Whether its present run has passed its startup probe.
    pub(in super::super) has_started: bool,
    /// Whether its present run has passed its readiness probe.
    pub(in super::super) is_ready: bool,
}

impl ContainerState {
    pub(super) fn new(container: &Container, role: Role, waiting: &'static str) -> Self {
        Self {
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            role,
            state: State::Waiting {
                reason: waiting,
                message: None,
            },
            last: None,
            restarts: 0,
            has_started: false,
            is_ready: false,
        }
    }

    /// Gives it another state. The end of its run before stays known.
    pub(in super::super) fn enter(&mut self, state: State) {
        if let State::Ended(ended) = &self.state
            && !matches!(state, State::Ended(_))
        {
            self.last = Some(ended.clone());
        }
        self.state = state;
        (self.has_started, self.is_ready) = (false, false);
    }

    /// Whether it has never run.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.state, State::Waiting { .. }) && self.last.is_none()
    }

    /// Whether what it is for is done, or goes on: an init container has ended, others run and are ready.
    pub(in super::super) fn is_ready(&self) -> bool {
        match (&self.state, self.role) {
            (State::Ended(ended), Role::Init) => ended.code == 0,
            (State::Running { .. }, Role::Sidecar | Role::Main) => self.has_started && self.is_ready,
            _ => false,
        }
    }

    pub(super) fn status(&self) -> ContainerStatus {
        let is_running = matches!(self.state, State::Running { .. });
        ContainerStatus {
            name: self.name.clone(),
            image: self.image.clone(),
            image_id: String::new(),
            container_id: self.id(),
            ready: self.is_ready(),
            started: Some(is_running && self.has_started),
            restart_count: self.restarts,
            state: Some(object(&self.state)),
            last_state: Some(Object {
                terminated: self.last.as_ref().map(terminated),
                ..Object::default()
            }),
            ..ContainerStatus::default()
        }
    }

    fn id(&self) -> Option<String> {
        match &self.state {
            State::Running { id, .. } => Some(id.clone()),
            State::Ended(ended) => ended.id.clone(),
            State::Waiting { .. } => self.last.as_ref().and_then(|ended| ended.id.clone()),
        }
    }
}

fn object(state: &State) -> Object {
    let mut object = Object::default();
    match state {
        State::Waiting { reason, message } => {
            object.waiting = Some(ContainerStateWaiting {
                reason: Some((*reason).to_owned()),
                message: message.clone(),
            });
        }
        State::Running { started, .. } => {
            object.running = Some(ContainerStateRunning {
                started_at: Some(Time(*started)),
            });
        }
        State::Ended(ended) => object.terminated = Some(terminated(ended)),
    }
    object
}

fn terminated(ended: &Ended) -> ContainerStateTerminated {
    ContainerStateTerminated {
        container_id: ended.id.clone(),
        exit_code: ended.code,
        finished_at: Some(Time(ended.finished)),
        message: ended.message.clone(),
        reason: Some(ended.reason.to_owned()),
        signal: None,
        started_at: Some(Time(ended.started)),
    }
}
