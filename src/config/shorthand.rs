//! The types of a configuration that need more of the strict reader than serde offers.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Visitor};

/// The name under which a reader passes on nothing for an empty list or dictionary.
pub(super) const UNLESS_EMPTY: &str = "UnlessEmpty";

/// The name under which a reader passes on text and flags, else a dictionary that is still to be read.
pub(super) const SHORTHAND: &str = "Shorthand";

/// Reads a field in Kubernetes's own schema; an empty one counts as absent.
pub(super) fn unless_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    reader.deserialize_newtype_struct(UNLESS_EMPTY, UnlessEmpty(PhantomData))
}

/// A value that may be written in short, as text or as a flag, or in full as a dictionary.
pub(super) trait Shorthand: Sized {
    /// How it is written in full.
    type Full: DeserializeOwned;

    /// The sentence for a value that is neither.
    const EXPECTED: &'static str;

    fn from_full(full: Self::Full) -> Self;

    fn from_text(_: &str) -> Option<Self> {
        None
    }

    fn from_flag(_: bool) -> Option<Self> {
        None
    }
}

/// Reads a value that may be written in short.
pub(super) fn shorthand<'de, D: Deserializer<'de>, T: Shorthand>(reader: D) -> Result<T, D::Error> {
    reader.deserialize_newtype_struct(SHORTHAND, Either(PhantomData))
}

struct UnlessEmpty<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for UnlessEmpty<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value of the field")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        T::deserialize(reader).map(Some)
    }
}

struct Either<T>(PhantomData<T>);

impl<'de, T: Shorthand> Visitor<'de> for Either<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::EXPECTED)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::custom(T::EXPECTED))
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<T, E> {
        T::from_flag(flag).ok_or_else(|| E::custom(T::EXPECTED))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, reader: D) -> Result<T, D::Error> {
        T::Full::deserialize(reader).map(T::from_full)
    }
}
