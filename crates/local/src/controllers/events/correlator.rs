//! Which events are written: the ones that come again are counted, and there are not too many about one object.
//!
//! The rules and numbers are those of client-go (`events_cache.go`).

use std::collections::{BTreeSet, HashMap};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// So many events may come at once about one object, and then one more in each of these times.
const BURST: f64 = 25.0;
const SECONDS_PER_EVENT: f64 = 300.0;
/// So many different messages of one reason are one event, if each comes this soon after the one before.
const SIMILAR: usize = 10;
const SIMILAR_WITHIN: SignedDuration = SignedDuration::from_mins(10);
const COMBINED: &str = "(combined from similar events): ";

/// What an event says, and about which object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Saying {
    pub(super) uid: String,
    pub(super) component: &'static str,
    pub(super) type_: &'static str,
    pub(super) reason: String,
    pub(super) message: String,
}

/// How an event is written.
#[derive(Debug, PartialEq)]
pub(super) enum Writing {
    /// As a new one, with this message.
    New { message: String },
    /// As the one of this name, which has now come so often.
    Again { name: String, count: i32, message: String },
}

/// What was written so far.
#[derive(Debug, Default)]
pub(super) struct Correlator {
    written: HashMap<Saying, (String, i32)>,
    similar: HashMap<Saying, (BTreeSet<String>, Timestamp)>,
    left: HashMap<(String, &'static str, &'static str), (f64, Timestamp)>,
}

impl Correlator {
    /// How an event is to be written, and under which key it is to be noted; none if there are too many.
    pub(super) fn writing(&mut self, saying: &Saying, now: Timestamp) -> Option<(Writing, Saying)> {
        let (key, message) = self.combine(saying, now);
        if !self.takes(saying, now) {
            return None;
        }
        let writing = match self.written.get_mut(&key) {
            Some((name, count)) => {
                *count += 1;
                let (name, count) = (name.clone(), *count);
                Writing::Again { name, count, message }
            }
            None => Writing::New { message },
        };
        Some((writing, key))
    }

    /// Notes the name of a new event.
    pub(super) fn wrote(&mut self, key: Saying, name: String) {
        self.written.insert(key, (name, 1));
    }

    /// Notes that an event does not exist any more.
    pub(super) fn forget(&mut self, key: &Saying) {
        self.written.remove(key);
    }

    /// The key of an event, and its message: those of all similar ones, if there are many.
    fn combine(&mut self, saying: &Saying, now: Timestamp) -> (Saying, String) {
        let all = Saying {
            message: String::new(),
            ..saying.clone()
        };
        let fresh = || (BTreeSet::new(), now);
        let (messages, last) = self.similar.entry(all.clone()).or_insert_with(fresh);
        if now.duration_since(*last) > SIMILAR_WITHIN {
            messages.clear();
        }
        *last = now;
        messages.insert(saying.message.clone());
        if messages.len() < SIMILAR {
            return (saying.clone(), saying.message.clone());
        }
        messages.pop_first();
        (all, format!("{COMBINED}{}", saying.message))
    }

    /// Whether there may be one more event about an object.
    fn takes(&mut self, saying: &Saying, now: Timestamp) -> bool {
        let key = (saying.uid.clone(), saying.component, saying.type_);
        let (left, last) = self.left.entry(key).or_insert((BURST, now));
        let passed = now.duration_since(*last).as_secs_f64();
        *left = (*left + passed / SECONDS_PER_EVENT).min(BURST);
        *last = now;
        let takes = *left >= 1.0;
        if takes {
            *left -= 1.0;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saying(message: &str) -> Saying {
        Saying {
            uid: "u".to_owned(),
            component: "statefulset-controller",
            type_: "Normal",
            reason: "SuccessfulCreate".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn an_event_that_comes_again_is_counted() {
        let mut correlator = Correlator::default();
        let now = Timestamp::UNIX_EPOCH;
        let (first, key) = correlator.writing(&saying("a"), now).unwrap();
        assert_eq!(
            first,
            Writing::New {
                message: "a".to_owned()
            }
        );
        correlator.wrote(key, "foo.1".to_owned());
        let (again, _) = correlator.writing(&saying("a"), now).unwrap();
        let expected = Writing::Again {
            name: "foo.1".to_owned(),
            count: 2,
            message: "a".to_owned(),
        };
        assert_eq!(again, expected);
    }

    #[test]
    fn many_similar_events_are_combined_and_many_more_are_dropped() {
        let mut correlator = Correlator::default();
        let mut messages = Vec::new();
        for number in 0..30 {
            if let Some((writing, key)) = correlator.writing(&saying(&number.to_string()), Timestamp::UNIX_EPOCH) {
                match writing {
                    Writing::New { message } => {
                        correlator.wrote(key, format!("foo.{number}"));
                        messages.push(message);
                    }
                    Writing::Again { name, .. } => messages.push(name),
                }
            }
        }
        assert_eq!(messages.len(), 25);
        assert_eq!(messages[8], "8");
        assert_eq!(messages[9], "(combined from similar events): 9");
        assert_eq!(messages[24], "foo.9");
        let later = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(301);
        assert!(correlator.writing(&saying("x"), later).is_some());
        assert!(correlator.writing(&saying("y"), later).is_none());
    }
}
