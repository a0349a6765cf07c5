//! The field `Lifetime`: when a service ends by itself.

use std::fmt;
use std::time::Duration;

use http::uri::PathAndQuery;
use k8s_openapi::jiff::{Span, SpanRelativeTo};
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::shorthand::{Shorthand, shorthand};
use crate::error::{Error, Result};
use crate::text::{shorten, shown};

/// The longest time that a lifetime may name, in days.
const LONGEST_DAYS: u64 = 3650;

/// For how long a service has to be idle at least: a run may pause between two tasks that use it.
const SHORTEST_IDLE: Length = Length(60);

const FIELD: &str = "Lifetime";

/// The executions that the life of a service is bound to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The executions that use it, each with the execution that launched it: what a child execution created, its parent
    /// can use.
    Run,
    /// The executions that use it, each by itself.
    Execution,
    /// Nothing: it stays until somebody deletes it.
    #[default]
    Persist,
}

/// When a service ends by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lifetime {
    /// The executions that its life is bound to.
    pub bound: Bound,
    /// How long it stays after its last user has ended, however that ended.
    #[serde(skip_serializing_if = "is_zero")]
    pub grace: Length,
    /// How long it stays besides, by how its last user ended.
    #[serde(skip_serializing_if = "is_default")]
    pub after: After,
    /// How long after its creation it ends, even while runs use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Length>,
    /// Whether it is deleted or put to sleep once no run has used it for a while, instead of what `bound` implies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
}

/// The end or the sleep of a service that no run has used for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Idle {
    /// For how long no run has used it: `1m` or longer.
    pub after: Length,
    /// Whether it is deleted then, or put to sleep.
    pub then: Then,
    /// Where each pod reports since when it is idle itself. Default: nowhere, so that only its users count.
    #[serde(default, rename = "httpGet", skip_serializing_if = "Option::is_none")]
    pub http_get: Option<IdleCheck>,
}

/// A path of each pod that answers `{"idle_since": <seconds since 1970>}`, or null instead of the seconds while it is
/// busy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IdleCheck {
    /// The path, such as `/idle`.
    pub path: String,
    /// The number of the port. Default: the service's first port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Whether an idle service is deleted or put to sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Then {
    /// It is deleted.
    Delete,
    /// It is scaled to zero, and keeps its claims, until somebody wakes it.
    Sleep,
}

/// How long a service stays after its last user, by how that ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct After {
    /// After a success.
    #[serde(skip_serializing_if = "is_zero")]
    pub succeeded: Length,
    /// After a failure, a timeout included.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed: Length,
    /// After an abort.
    #[serde(skip_serializing_if = "is_zero")]
    pub aborted: Length,
}

impl Lifetime {
    /// A lifetime that is bound to something, and nothing else.
    #[must_use]
    pub fn bound_to(bound: Bound) -> Self {
        Self {
            bound,
            ..Self::default()
        }
    }

    /// Whether anything becomes of the service when the runs that use it have ended.
    #[must_use]
    pub fn ends_with_runs(&self) -> bool {
        self.bound != Bound::Persist || self.idle.is_some()
    }

    /// Whether the service ends with its last run, at once, however that ended.
    #[must_use]
    pub fn ends_at_once(&self) -> bool {
        self.bound != Bound::Persist
            && self.idle.is_none()
            && self.grace == Length::default()
            && self.after == After::default()
    }

    /// Whether the service sleeps once no run uses it.
    #[must_use]
    pub fn sleeps(&self) -> bool {
        self.idle.as_ref().is_some_and(|idle| idle.then == Then::Sleep)
    }

    /// The lifetime as it is written on a service; `None` where it never ends by itself.
    #[must_use]
    pub fn annotation(&self) -> Option<String> {
        // A struct of strings always serializes.
        (*self != Self::default()).then(|| serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads what [`Self::annotation`] has written; `None` for what it has not, such as what a later version wrote.
    #[must_use]
    pub fn from_annotation(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A length of time in whole seconds. It is written as text, such as `90s`, `30m`, `12h` or `7d`, or as a number of
/// seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(u64);

impl Length {
    /// A length of so many seconds.
    #[must_use]
    pub fn seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The length as a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }

    /// Reads a length of time.
    ///
    /// # Errors
    /// The fault, as the end of a sentence.
    pub fn parse(value: &Value) -> std::result::Result<Self, String> {
        let seconds = match value {
            Value::String(text) => in_seconds(text.trim()),
            Value::Number(number) => number.as_f64().filter(|seconds| *seconds >= 0.0).map(to_whole),
            _ => None,
        };
        let seconds = seconds.filter(|seconds| *seconds <= LONGEST_DAYS * 86400).ok_or_else(|| {
            format!(
                "is {}, but must be a length of time of at most {LONGEST_DAYS} days, such as \"90s\", \"30m\", \"12h\" or \
                 \"7d\".",
                shown(value)
            )
        })?;
        Ok(Self(seconds))
    }
}

impl fmt::Display for Length {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86400, "d"), (3600, "h"), (60, "m")];
        let unit = units
            .iter()
            .find(|(seconds, _)| self.0 > 0 && self.0.is_multiple_of(*seconds));
        match unit {
            Some((seconds, unit)) => write!(formatter, "{}{unit}", self.0 / seconds),
            None => write!(formatter, "{}s", self.0),
        }
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        let value = Value::deserialize(reader)?;
        Self::parse(&value).map_err(serde::de::Error::custom)
    }
}

/// A span such as `1h 30m`; a day has 24 hours.
fn in_seconds(text: &str) -> Option<u64> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    u64::try_from(duration.as_secs() + i64::from(duration.subsec_nanos() > 0)).ok()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative, and the cast saturates"
)]
fn to_whole(seconds: f64) -> u64 {
    seconds.ceil() as u64
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(length: &Length) -> bool {
    length.0 == 0
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The field as it is written in full.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct FullLifetime {
    /// What the lifetime of the service is bound to: `run`, `execution` or `persist`. Default: as where `Lifetime` is
    /// left out.
    #[serde(default)]
    bound: Option<Bound>,
    /// How long the service stays after its last user has ended. Default: `0s`.
    #[serde(default)]
    grace: Option<Length>,
    /// How long it stays besides, by how that user ended.
    #[serde(default)]
    after: Option<After>,
    /// How long after its creation the service ends, even while it is used. Default: never.
    #[serde(default)]
    ttl: Option<Length>,
    /// What happens to the service once no run has used it for a while. Default: as `bound`, at once.
    #[serde(default)]
    idle: Option<Idle>,
}

/// The field as it is written: what the life is bound to alone, or in full.
pub(super) struct WrittenLifetime(FullLifetime);

impl Shorthand for WrittenLifetime {
    type Full = FullLifetime;
    const EXPECTED: &'static str =
        "must be run, execution, persist, or a dictionary such as {\"bound\": \"run\", \"ttl\": \"12h\"}.";

    fn from_full(full: FullLifetime) -> Self {
        Self(full)
    }

    fn from_text(text: &str) -> Option<Self> {
        let text: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
        let bound = Bound::deserialize(text).ok()?;
        Some(Self(FullLifetime {
            bound: Some(bound),
            grace: None,
            after: None,
            ttl: None,
            idle: None,
        }))
    }
}

impl<'de> Deserialize<'de> for WrittenLifetime {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        shorthand(reader)
    }
}

/// Checks the field `Lifetime`. Without one, a service with a name of its own stays, and one whose name is generated
/// ends with its run, since nobody else can know the name.
pub(super) fn lifetime(written: Option<WrittenLifetime>, has_name: bool) -> Result<Lifetime> {
    let by_default = if has_name { Bound::Persist } else { Bound::Run };
    let Some(WrittenLifetime(full)) = written else {
        return Ok(Lifetime::bound_to(by_default));
    };
    let bound = full.bound.unwrap_or(by_default);
    let lifetime = Lifetime {
        bound,
        grace: full.grace.unwrap_or_default(),
        after: full.after.unwrap_or_default(),
        ttl: full.ttl,
        idle: full.idle,
    };
    if lifetime.ttl == Some(Length::default()) {
        return Err(Error::invalid(
            format!("{FIELD}.ttl"),
            "is 0 s, so that the service would end before it is ready: leave it out, or give a longer time.",
        ));
    }
    if let Some(check) = lifetime.idle.as_ref().and_then(|idle| idle.http_get.as_ref()) {
        check_path(&check.path)?;
    }
    if lifetime.idle.as_ref().is_some_and(|idle| idle.after < SHORTEST_IDLE) {
        return Err(Error::invalid(
            format!("{FIELD}.idle.after"),
            format!("is too short: it must be at least {SHORTEST_IDLE}."),
        ));
    }
    let waits = lifetime.grace > Length::default() || lifetime.after != After::default();
    if lifetime.idle.is_some() && waits {
        return Err(Error::invalid(
            FIELD,
            "has idle beside grace or after, which both say how long the service stays once no run uses it: leave one of them \
             out.",
        ));
    }
    if bound == Bound::Persist && waits {
        return Err(Error::invalid(
            FIELD,
            "has grace or after, which count from the end of a run, but is bound to none: use \"bound\": \"run\", or ttl.",
        ));
    }
    Ok(lifetime)
}

fn check_path(path: &str) -> Result<()> {
    let is_path = path.starts_with('/') && path.parse::<PathAndQuery>().is_ok();
    if is_path {
        return Ok(());
    }
    let words = format!("is {}, but must be a path, such as \"/idle\".", shorten(path));
    Err(Error::invalid(format!("{FIELD}.idle.httpGet.path"), words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Target;
    use serde_json::json;

    fn read(config: &Value) -> std::result::Result<Lifetime, String> {
        let mut whole = json!({"Image": "i", "Name": "foo"});
        for (key, value) in config.as_object().expect("a dictionary") {
            whole[key] = value.clone();
        }
        match Target::parse(&whole) {
            Ok(Target::New(spec)) => Ok(spec.lifetime),
            Ok(Target::Existing(_)) => panic!("a service to be made"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn without_the_field_a_named_service_stays_and_another_ends_with_its_run() {
        assert_eq!(read(&json!({})), Ok(Lifetime::default()));
        assert_eq!(read(&json!({"Name": null})), Ok(Lifetime::bound_to(Bound::Run)));
        assert_eq!(
            read(&json!({"Name": null, "Lifetime": "persist"})),
            Ok(Lifetime::default())
        );
        let with_ttl = read(&json!({"Name": null, "Lifetime": {"ttl": "12h"}})).expect("a lifetime");
        assert_eq!(with_ttl.bound, Bound::Run);
    }

    #[test]
    fn each_part_is_read() {
        let written = json!({"Lifetime": {
            "bound": "execution", "grace": "1m 30s", "after": {"succeeded": 5.0, "failed": "30m", "aborted": "1h"},
            "ttl": "7d",
        }});
        let lifetime = read(&written).expect("a lifetime");
        let seconds = Length::seconds;
        let after = After {
            succeeded: seconds(5),
            failed: seconds(1800),
            aborted: seconds(3600),
        };
        let wanted = Lifetime {
            bound: Bound::Execution,
            grace: seconds(90),
            after,
            ttl: Some(seconds(7 * 86400)),
            idle: None,
        };
        assert_eq!(lifetime, wanted);
        let text = lifetime.annotation().expect("an annotation");
        assert_eq!(
            text,
            r#"{"bound":"execution","grace":"90s","after":{"succeeded":"5s","failed":"30m","aborted":"1h"},"ttl":"7d"}"#
        );
        assert_eq!(Lifetime::from_annotation(&text), Some(lifetime));
        assert_eq!(Lifetime::default().annotation(), None);
        assert_eq!(Lifetime::from_annotation(r#"{"bound":"moon"}"#), None);
    }

    #[test]
    fn idle_counts_whatever_the_life_is_bound_to() {
        for (bound, written) in [(Bound::Persist, json!({})), (Bound::Run, json!({"bound": "run"}))] {
            let mut written = written;
            written["idle"] = json!({"after": "30m", "then": "Sleep"});
            let lifetime = read(&json!({"Lifetime": written})).expect("a lifetime");
            let idle = Idle {
                after: Length::seconds(1800),
                then: Then::Sleep,
                http_get: None,
            };
            assert_eq!((lifetime.bound, lifetime.idle.clone()), (bound, Some(idle)));
            assert!(lifetime.ends_with_runs() && lifetime.sleeps());
            let text = lifetime.annotation().expect("an annotation");
            assert!(text.ends_with(r#","idle":{"after":"30m","then":"Sleep"}}"#), "{text}");
            assert_eq!(Lifetime::from_annotation(&text), Some(lifetime));
        }
        assert_eq!(Lifetime::from_annotation(r#"{"bound":"run","later":1}"#), None);
    }

    #[test]
    fn an_invalid_value_is_refused_by_its_path() {
        for (written, words) in [
            (json!("forever"), "Lifetime must be run, execution, persist"),
            (json!(7), "Lifetime must be run, execution, persist"),
            (json!({"bound": "pod"}), "Lifetime.bound"),
            (
                json!({"bound": "run", "grace": "soon"}),
                "Lifetime.grace is \"soon\", but must be a length of time",
            ),
            (json!({"bound": "run", "grace": -1}), "Lifetime.grace is -1"),
            (json!({"bound": "run", "ttl": "3651d"}), "Lifetime.ttl is \"3651d\""),
            (json!({"bound": "run", "ttl": 0}), "Lifetime.ttl is 0 s"),
            (
                json!({"bound": "run", "after": {"sucess": "1m"}}),
                "Lifetime.after.sucess",
            ),
            (
                json!({"idle": {"after": 59, "then": "Sleep"}}),
                "Lifetime.idle.after is too short: it must be at least 1m.",
            ),
            (json!({"idle": {"after": "1h", "then": "Nap"}}), "Lifetime.idle.then"),
            (json!({"idle": {"after": "1h"}}), "Lifetime.idle"),
            (
                json!({"idle": {"after": "1h", "then": "Sleep", "httpGet": {"path": "idle"}}}),
                "Lifetime.idle.httpGet.path is \"idle\", but must be a path, such as \"/idle\".",
            ),
            (
                json!({"idle": {"after": "1h", "then": "Sleep", "httpGet": {"path": "/", "port": 70000}}}),
                "Lifetime.idle.httpGet.port",
            ),
            (
                json!({"idle": {"after": "1h", "then": "Sleep", "httpGet": {"path": "/", "scheme": "HTTPS"}}}),
                "Lifetime.idle.httpGet.scheme",
            ),
            (
                json!({"bound": "run", "grace": "1m", "idle": {"after": "1h", "then": "Delete"}}),
                "Lifetime has idle beside grace or after",
            ),
            (
                json!({"bound": "persist", "grace": "1m"}),
                "Lifetime has grace or after",
            ),
        ] {
            let error = read(&json!({"Lifetime": written.clone()})).expect_err("refused");
            assert!(error.contains(words), "{written}: {error}");
        }
    }
}
