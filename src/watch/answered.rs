//! How long a service takes until it is reported ready, counted once.

use std::cell::Cell;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::metrics::note_ready;
use crate::status::Phase;

/// The oldest age at which a service still counts as starting at its first poll. An older one was woken, or has lost a
/// pod.
const STARTS: SignedDuration = SignedDuration::from_mins(10);

/// Up to which age a service counts that is ready when somebody first asks about it. With one that is older, another
/// process may have reported it ready.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(1);

/// For how long nobody may ask about a service that starts. After that, another process may have reported it ready.
const LAPSE: SignedDuration = SignedDuration::from_mins(10);

/// The answers about a service so far.
#[derive(Clone, Default)]
pub(super) struct Answers(Cell<Answered>);

impl Answers {
    /// Notes an answer, and counts how long the service took if this is the first one that it is ready.
    pub(super) fn note(&self, phase: Phase, created: Option<Timestamp>, now: Timestamp) {
        let (answered, seconds) = self.0.get().and(phase, created, now);
        self.0.set(answered);
        if let Some(seconds) = seconds {
            note_ready(seconds);
        }
    }
}

/// How far the answers about a service have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Answered {
    /// Nobody has asked.
    #[default]
    Never,
    /// It was not ready when somebody last asked.
    Starting(Timestamp),
    /// It was reported ready, or does not count.
    Done,
}

impl Answered {
    /// The answers with one more, and how many seconds the service took if it has just become ready.
    fn and(self, phase: Phase, created: Option<Timestamp>, now: Timestamp) -> (Self, Option<f64>) {
        if self == Self::Done {
            return (self, None);
        }
        let Some(age) = created.map(|created| now.duration_since(created)) else {
            return (self, None);
        };
        match (phase, self) {
            (Phase::Ready, Self::Never) => (Self::Done, (age < AT_ONCE).then(|| age.as_secs_f64())),
            (Phase::Ready, Self::Starting(last)) => {
                let counts = now.duration_since(last) < LAPSE;
                (Self::Done, counts.then(|| age.as_secs_f64()))
            }
            (Phase::Asleep, _) => (Self::Done, None),
            (_, Self::Never) if age >= STARTS => (Self::Done, None),
            _ => (Self::Starting(now), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks at these seconds of a service's life, and returns the seconds that count.
    fn asked(answers: &[(i64, Phase)]) -> Vec<f64> {
        let created = Timestamp::from_second(1000).expect("a time");
        let mut answered = Answered::default();
        let counted = answers.iter().filter_map(|(second, phase)| {
            let now = created + SignedDuration::from_secs(*second);
            let (next, seconds) = answered.and(*phase, Some(created), now);
            answered = next;
            seconds
        });
        counted.collect()
    }

    #[test]
    fn a_service_counts_once_when_it_is_first_reported_ready() {
        use Phase::{Initializing, Pending, Ready};
        assert_eq!(asked(&[(0, Pending), (3, Initializing), (6, Ready), (9, Ready)]), [6.0]);
        assert_eq!(asked(&[(1, Ready)]), [1.0]);
        let lost_a_pod = [(1, Pending), (6, Ready), (900, Initializing), (930, Ready)];
        assert_eq!(asked(&lost_a_pod), [6.0]);
        let slow: Vec<_> = (0..100)
            .map(|poll| (poll * 30, Initializing))
            .chain([(3000, Ready)])
            .collect();
        assert_eq!(asked(&slow), [3000.0]);
    }

    #[test]
    fn reports_of_another_process_do_not_count() {
        use Phase::{Asleep, Initializing, Pending, Ready};
        for answers in [
            &[(3600, Ready)][..],
            &[(0, Pending), (3600, Ready)],
            &[(3600, Initializing), (3606, Ready)],
            &[(1, Asleep), (30, Initializing), (36, Ready)],
        ] {
            assert!(asked(answers).is_empty(), "{answers:?}");
        }
        let unknown = Answered::Never.and(Ready, None, Timestamp::UNIX_EPOCH);
        assert_eq!(unknown, (Answered::Never, None));
    }
}
