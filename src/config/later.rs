//! A value that is read where more is known of it.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::deserialize::read;
use crate::error::Result;

/// A value as it is written. It is read where its path is known, so that what is wrong with an item of a list hides
/// nothing of the others, or once other fields have completed it.
pub(super) struct Later<T>(pub(super) Value, PhantomData<T>);

impl<T: DeserializeOwned> Later<T> {
    /// Reads the value that is at a path.
    pub(super) fn read(&self, path: &str) -> Result<T> {
        read(path, &self.0)
    }
}

impl<'de, T> Deserialize<'de> for Later<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        Value::deserialize(reader).map(|value| Self(value, PhantomData))
    }
}
