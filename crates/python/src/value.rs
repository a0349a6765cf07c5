//! A Python value as JSON. A value that JSON does not have, such as `NaN`, is refused with its path.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use serde_json::{Map, Number, Value};

use k8sdataservice::error::{Error, FieldFault, Result};
use k8sdataservice::text::shortened;

/// How deep values may be nested. A configuration needs three levels; one that holds itself has no end.
const DEEPEST: usize = 16;

/// Reads a value; `whole` is what messages call it.
pub(crate) fn read(value: &Bound<'_, PyAny>, whole: &str) -> Result<Value> {
    ValuePath {
        path: whole.to_owned(),
        depth: 0,
    }
    .read(value)
}

/// Where in a configuration a value stands.
struct ValuePath {
    path: String,
    depth: usize,
}

impl ValuePath {
    fn read(&self, value: &Bound<'_, PyAny>) -> Result<Value> {
        if value.is_none() {
            Ok(Value::Null)
        } else if let Ok(truth) = value.cast::<PyBool>() {
            Ok(Value::Bool(truth.is_true()))
        } else if let Ok(number) = value.cast::<PyInt>() {
            self.whole_number(number)
        } else if let Ok(number) = value.cast::<PyFloat>() {
            self.number(number.value())
        } else if let Ok(text) = value.cast::<PyString>() {
            self.text(text).map(Value::String)
        } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
            self.list(value)
        } else if let Ok(mapping) = value.cast::<PyMapping>() {
            self.dictionary(mapping)
        } else {
            Err(self.bad(format!(
                "is {}, but a configuration has text, numbers, lists and dictionaries only.",
                kind(value)
            )))
        }
    }

    fn whole_number(&self, number: &Bound<'_, PyInt>) -> Result<Value> {
        if let Ok(small) = number.extract::<i64>() {
            return Ok(small.into());
        }
        // As Flyte does, which makes every number a float.
        self.number(number.extract().unwrap_or(f64::INFINITY))
    }

    fn number(&self, number: f64) -> Result<Value> {
        Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| self.bad(format!("is {number}, which is no number that counts anything.")))
    }

    fn text(&self, text: &Bound<'_, PyString>) -> Result<String> {
        text.to_str()
            .map(str::to_owned)
            .map_err(|_| self.bad("has a character that is half of one, a lone surrogate, and cannot be written."))
    }

    fn list(&self, list: &Bound<'_, PyAny>) -> Result<Value> {
        let unreadable = |_| self.bad("cannot be read as a list.");
        let mut faults = Vec::new();
        let mut items = Vec::new();
        for (index, item) in list.try_iter().map_err(unreadable)?.enumerate() {
            let item = item.map_err(unreadable)?;
            items.extend(noted(
                &mut faults,
                self.inside(&format!("[{index}]")).and_then(|place| place.read(&item)),
            )?);
        }
        Error::of_faults(faults).map_or(Ok(Value::Array(items)), Err)
    }

    fn dictionary(&self, mapping: &Bound<'_, PyMapping>) -> Result<Value> {
        // A copy of the items, which nobody changes meanwhile.
        let items = mapping
            .items()
            .map_err(|_| self.bad("cannot be read as a dictionary."))?;
        let mut fields = Map::new();
        let mut faults = Vec::new();
        for item in items {
            let Ok((key, value)) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>() else {
                return Err(self.bad("cannot be read as a dictionary."));
            };
            let Ok(key) = key.cast::<PyString>() else {
                return Err(self.bad(format!("has a key that is {}, but fields have names.", kind(&key))));
            };
            let key = self.text(key)?;
            let dot = if self.depth == 0 { "" } else { "." };
            let place = self.inside(&format!("{dot}{}", shortened(&key)))?;
            let value = noted(&mut faults, place.read(&value))?;
            fields.extend(value.map(|value| (key, value)));
        }
        Error::of_faults(faults).map_or(Ok(Value::Object(fields)), Err)
    }

    /// The place of a value inside of this one. A field of the whole is called by its name alone.
    fn inside(&self, step: &str) -> Result<Self> {
        if self.depth == DEEPEST {
            return Err(self.bad(format!("is nested more than {DEEPEST} levels deep.")));
        }
        let parent = if self.depth == 0 && !step.starts_with('[') {
            ""
        } else {
            &self.path
        };
        Ok(Self {
            path: format!("{parent}{step}"),
            depth: self.depth + 1,
        })
    }

    fn bad(&self, problem: impl Into<String>) -> Error {
        Error::invalid(self.path.as_str(), problem)
    }
}

/// The value, if it could be read; its faults are noted.
fn noted(faults: &mut Vec<FieldFault>, value: Result<Value>) -> Result<Option<Value>> {
    match value.map_err(Error::into_faults) {
        Ok(value) => Ok(Some(value)),
        Err(of_value) => {
            faults.extend(of_value?);
            Ok(None)
        }
    }
}

/// The type of a value, in Python's terms.
fn kind(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().name();
    name.map_or_else(|_| "something else".to_owned(), |name| format!("of type {name}"))
}
