//! Words and numbers that a configuration may hold.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::deserialize::whole;
use crate::text::shown;

/// The arguments of a command, a word per item; none where there are none.
pub(super) fn arguments<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Vec<String>>, D::Error> {
    reader.deserialize_any(Arguments).map(Some)
}

struct Arguments;

impl<'de> serde::de::Visitor<'de> for Arguments {
    type Value = Vec<String>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("must be a list of strings, such as [\"sh\", \"-c\", \"my-service\"].")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut words = Vec::new();
        while let Some(Argument(word)) = items.next_element()? {
            words.push(word);
        }
        Ok(words)
    }
}

#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct Argument(String);

impl TryFrom<Value> for Argument {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::String(word) if word.contains('\0') => {
                Err("contains a NUL character, which no program can be given.")
            }
            Value::String(word) => Ok(Self(word)),
            // The value is not shown, since a command may hold a secret.
            _ => Err("must be a string, such as \"--verbose\"."),
        }
    }
}

/// The number of a port.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "Value")]
pub(super) struct PortNumber(pub(super) u16);

impl TryFrom<Value> for PortNumber {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let port = whole(&value).and_then(|port| u16::try_from(port).ok());
        port.filter(|port| *port > 0)
            .map(Self)
            .ok_or_else(|| format!("is {}, but a port is a whole number from 1 to 65535.", shown(&value)))
    }
}

/// A whole number, 0 or more.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "Value", bound = "N: TryFrom<i64>")]
pub(super) struct Count<N>(pub(super) N);

impl<N: TryFrom<i64>> TryFrom<Value> for Count<N> {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let number = whole(&value).filter(|number| *number >= 0);
        number
            .and_then(|number| N::try_from(number).ok())
            .map(Self)
            .ok_or_else(|| format!("is {}, but must be a whole number, 0 or more.", shown(&value)))
    }
}

/// A number of pods.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "Value")]
pub(super) struct Replicas(pub(super) u32);

impl TryFrom<Value> for Replicas {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        // Version 1 took the number as text, too.
        let text = value.as_str().and_then(|text| text.trim().parse::<i64>().ok());
        text.or_else(|| whole(&value))
            // Kubernetes keeps the number in a signed 32-bit integer.
            .and_then(|replicas| i32::try_from(replicas).ok())
            .and_then(|replicas| u32::try_from(replicas).ok())
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "is {}, but the number of pods is a whole number, 0 or more.",
                    shown(&value)
                )
            })
    }
}

/// An enumeration of Kubernetes, whose values are what its variants are called.
macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident: $($(#[$of_word:meta])* $word:ident),+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, serde::Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub(super) enum $name {
            $($(#[$of_word])* $word,)+
        }

        impl $name {
            /// Its name in Kubernetes.
            pub(super) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => stringify!($word),)+
                }
            }
        }
    };
}
pub(super) use enumeration;
