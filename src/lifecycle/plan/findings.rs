//! The findings of a check.

use crate::cluster::Fault;
use crate::error::Result;
use crate::lifecycle::retry::Step;

/// The answer that a check rests on, or else why there is none. No check ends a plan.
pub(super) type Answer<T> = std::result::Result<T, Unchecked>;

/// Why something was not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unchecked {
    /// The account may not ask.
    Forbidden,
    /// The request failed, or was not worth making, as a sentence.
    Failed(String),
}

/// The answer to a request that a check is based on.
pub(super) fn answer<T>(step: &Step, answer: Result<std::result::Result<T, Fault>>) -> Answer<T> {
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(fault)) if fault.is_missing_permission() => Err(Unchecked::Forbidden),
        Ok(Err(fault)) => Err(Unchecked::Failed(step.failed(fault).to_string())),
        Err(error) => Err(Unchecked::Failed(error.to_string())),
    }
}

impl Unchecked {
    /// The note that something was not checked: `what`, and the missing permission, if that is the reason.
    pub(super) fn note(&self, what: &str, may_not: &str) -> String {
        match self {
            Self::Forbidden => format!("Not checked: {what}; the account may not {may_not}."),
            Self::Failed(why) => format!("Not checked: {what}. {why}"),
        }
    }
}

/// Something that keeps a service from being made, or its pods from running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field of the configuration, such as `Requests.cpu`.
    pub path: String,
    /// The fault, and what to do, as sentences.
    pub message: String,
}

/// The findings of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The problems.
    pub problems: Vec<Problem>,
    /// The notes, such as on checks that could not be made.
    pub notes: Vec<String>,
    /// Whether there is no namespace to make anything in, so that nothing else matters.
    pub(super) is_nowhere: bool,
}

impl Findings {
    /// Problems alone.
    pub(super) fn of(problems: impl IntoIterator<Item = Problem>) -> Self {
        Self {
            problems: problems.into_iter().collect(),
            ..Self::default()
        }
    }

    /// A note alone.
    pub(super) fn note(note: String) -> Self {
        Self {
            notes: vec![note],
            ..Self::default()
        }
    }

    /// The missing namespace.
    pub(super) fn nowhere(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            is_nowhere: true,
            ..Self::default()
        }
    }

    /// Adds what another check has found.
    pub(super) fn add(&mut self, other: Self) {
        if self.is_nowhere {
            return;
        }
        if other.is_nowhere {
            *self = other;
            return;
        }
        for problem in other.problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        for note in other.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }

    /// Adds the findings of another check, except those on fields that a better check has reported already.
    pub(super) fn add_new(&mut self, mut other: Self) {
        other
            .problems
            .retain(|new| self.problems.iter().all(|known| known.path != new.path));
        self.add(other);
    }
}
