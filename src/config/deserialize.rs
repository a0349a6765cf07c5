//! Reads a value as one of Kubernetes's types, so strictly that nothing a user wrote is lost without a word.
//!
//! What `serde_json` does not do: an error has the path of the value at fault, a key that the type does not have is an
//! error with the nearest one that it has, and a whole number may be written as a float, as every number is that went
//! through Flyte. An error quotes only amounts, numbers and words where a closed set of them is expected: any other
//! value may be a secret.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::shorthand::{SHORTHAND, UNLESS_EMPTY};
use crate::error::{Error, FieldFault, Result};
use crate::resources::quantity;
use crate::text::{did_you_mean, kind, shorten, shortened};

/// The most faults of one value that are reported.
const MOST_FAULTS: usize = 20;

/// The path of a configuration as a whole, whose fields have paths that are their names.
const ROOT: &str = "";

/// Reads a value.
///
/// # Errors
/// [`Error::InvalidSpec`] with the path, from `path` on, of everything that cannot be read.
pub fn read<T: DeserializeOwned>(path: &str, value: &Value) -> Result<T> {
    read_at(path, value)
}

/// Reads those fields of a configuration that a group of them has; the others are those of other groups.
///
/// # Errors
/// [`Error::InvalidSpec`] with the path of everything that cannot be read.
pub fn read_group<T: DeserializeOwned>(config: &Value) -> Result<T> {
    read_at(ROOT, config)
}

fn read_at<T: DeserializeOwned>(path: &str, value: &Value) -> Result<T> {
    let skipped = RefCell::default();
    let attempt = || {
        let path = path.to_owned();
        let skipped = &skipped;
        T::deserialize(Strict { value, path, skipped })
    };
    let mut faults: Vec<FieldFault> = Vec::new();
    // Serde stops at the first fault, so that the value is read again without what is at fault.
    let error = loop {
        let problem = match attempt() {
            Ok(read) if faults.is_empty() => return Ok(read),
            Ok(_) => break None,
            Err(problem) => problem,
        };
        // A key that is missing because it was skipped is not at fault itself.
        let follows = (problem.lacks).is_some_and(|key| skipped.borrow().contains(&format!("{}.{key}", problem.path)));
        let is_new = skipped.borrow_mut().insert(problem.path.clone());
        let is_last = problem.path == path || !is_new || faults.len() + 1 == MOST_FAULTS;
        if !follows && is_new {
            faults.push(FieldFault {
                field: problem.path.clone(),
                problem: problem.words.clone(),
            });
        }
        if is_last {
            break Some(problem);
        }
    };
    Err(Error::of_faults(faults).unwrap_or_else(|| {
        let problem = error.unwrap_or_else(|| de::Error::custom("it is not what it should be"));
        Error::invalid(problem.path, problem.words)
    }))
}

/// A whole number, though it may be written as a float.
#[must_use]
pub fn whole(value: &Value) -> Option<i64> {
    if let Some(integer) = value.as_i64() {
        return Some(integer);
    }
    let float = value.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the guard leaves only whole numbers that an i64 holds exactly"
    )]
    (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
}

/// A value and where it stands.
struct Strict<'a> {
    value: &'a Value,
    path: String,
    /// The paths of values that are at fault, and read as if nobody had written them.
    skipped: &'a RefCell<BTreeSet<String>>,
}

/// A fault and its path. The path is empty until the reader of the value around it adds it.
#[derive(Debug)]
struct Mismatch {
    path: String,
    words: String,
    /// The key that is lacking, where that is the problem.
    lacks: Option<&'static str>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.path, self.words)
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    /// Words that end with a full stop are a sentence of ours, which stands as it is.
    fn custom<T: fmt::Display>(words: T) -> Self {
        let words = words.to_string();
        let is_sentence = words.ends_with('.');
        Self {
            path: String::new(),
            words: if is_sentence {
                words
            } else {
                format!("cannot be read: {words}.")
            },
            lacks: None,
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        if expected.ends_with('.') {
            return Self::custom(expected);
        }
        Self::custom(format_args!("invalid type: {found}, expected {expected}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            path: String::new(),
            words: format!("lacks {field}."),
            lacks: Some(field),
        }
    }
}

impl Mismatch {
    /// Says where, if nothing nearer to the fault has.
    fn at(self, path: &str) -> Self {
        if self.path.is_empty() {
            Self {
                path: path.to_owned(),
                ..self
            }
        } else {
            self
        }
    }
}

impl<'a> Strict<'a> {
    fn bad(&self, words: impl Into<String>) -> Mismatch {
        Mismatch {
            path: self.path.clone(),
            words: words.into(),
            lacks: None,
        }
    }

    fn must_be(&self, what: &str) -> Mismatch {
        self.bad(format!("must be {what}, not {}.", kind(self.value)))
    }

    fn object(&self) -> std::result::Result<&'a Map<String, Value>, Mismatch> {
        self.value.as_object().ok_or_else(|| self.must_be("a dictionary"))
    }

    /// The number, if it is whole and of that type.
    fn integer<N: TryFrom<i64>>(&self) -> std::result::Result<N, Mismatch> {
        whole(self.value)
            .and_then(|number| N::try_from(number).ok())
            .ok_or_else(|| match self.value {
                Value::Number(number) => {
                    self.bad(format!("is {}, but must be a whole number in range.", float(number)))
                }
                _ => self.must_be("a whole number"),
            })
    }

    /// An amount, which may be written as a number.
    fn quantity<V: Visitor<'a>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        let text = match self.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => float(number),
            _ => return Err(self.must_be("an amount, such as \"500m\" or \"2Gi\"")),
        };
        if let Err(problem) = quantity::check(&text) {
            return Err(self.bad(format!("is {}, {problem}", shorten(&text))));
        }
        visitor.visit_newtype_struct(text.into_deserializer())
    }

    /// Reads it. A fault without a path is about this value.
    fn seeded<S: DeserializeSeed<'a>>(self, seed: S) -> std::result::Result<S::Value, Mismatch> {
        let path = self.path.clone();
        seed.deserialize(self).map_err(|problem| problem.at(&path))
    }

    fn child(&self, step: &str, value: &'a Value) -> Self {
        Self {
            value,
            path: format!("{}{step}", self.path),
            skipped: self.skipped,
        }
    }

    /// Whether to read on as if it had not been written.
    fn is_skipped(&self) -> bool {
        self.skipped.borrow().contains(&self.path)
    }

    /// The value of a key; `None` if it is null or invalid.
    fn entry(&self, key: &str, value: &'a Value) -> Option<Self> {
        let separator = if self.path == ROOT { "" } else { "." };
        let child = self.child(&format!("{separator}{}", shortened(key)), value);
        (!value.is_null() && !child.is_skipped()).then_some(child)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn float(number: &serde_json::Number) -> String {
    number
        .as_f64()
        .map_or_else(|| number.to_string(), |float| float.to_string())
}

impl<'de> de::Deserializer<'de> for Strict<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => match whole(self.value) {
                Some(integer) => visitor.visit_i64(integer),
                None => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::Array(_) => return self.deserialize_seq(visitor),
            Value::Object(_) => return self.deserialize_map(visitor),
        }
        .map_err(|problem: Mismatch| problem.at(&self.path))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        match self.value {
            Value::Bool(flag) => visitor.visit_bool(*flag),
            _ => Err(self.must_be("true or false")),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        visitor.visit_i32(self.integer()?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        visitor.visit_i64(self.integer()?)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        visitor.visit_u16(self.integer()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        match self.value {
            Value::String(text) => visitor
                .visit_str(text)
                .map_err(|problem: Mismatch| problem.at(&self.path)),
            _ => Err(self.must_be("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> std::result::Result<V::Value, Mismatch> {
        match name {
            "Quantity" => self.quantity(visitor),
            UNLESS_EMPTY if is_empty(self.value) => visitor.visit_none(),
            SHORTHAND => {
                let path = self.path.clone();
                match self.value {
                    Value::String(text) => visitor.visit_str(text),
                    Value::Bool(flag) => visitor.visit_bool(*flag),
                    Value::Object(_) => visitor.visit_newtype_struct(self),
                    other => Err(de::Error::invalid_type(Unexpected::Other(kind(other)), &visitor)),
                }
                .map_err(|problem: Mismatch| problem.at(&path))
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        let Value::Array(items) = self.value else {
            return Err(self.must_be("a list"));
        };
        let items = items.iter().enumerate();
        let children = items.map(|(index, item)| self.child(&format!("[{index}]"), item));
        let children = children.filter(|child| !child.is_skipped());
        visitor
            .visit_seq(Items(children))
            .map_err(|problem| problem.at(&self.path))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        let entries = Entries::new(&self, self.object()?);
        visitor.visit_map(entries).map_err(|problem| problem.at(&self.path))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, Mismatch> {
        let object = self.object()?;
        if self.path == ROOT {
            let entries = Entries::new(&self, object).only(fields);
            return visitor.visit_map(entries);
        }
        let mut unknown = object.iter().filter(|(key, _)| !fields.contains(&key.as_str()));
        if let Some((key, place)) = unknown.find_map(|(key, value)| Some((key, self.entry(key, value)?))) {
            let near = did_you_mean(key, fields.iter().copied());
            return Err(place.bad(format!("is an unknown field{near}")));
        }
        let entries = Entries::new(&self, object);
        visitor.visit_map(entries).map_err(|problem| problem.at(&self.path))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, Mismatch> {
        let Value::String(text) = self.value else {
            return Err(self.must_be("text"));
        };
        if !variants.contains(&text.as_str()) {
            let near = did_you_mean(text, variants.iter().copied());
            return Err(self.bad(format!(
                "is {}, but must be one of {}{near}",
                shorten(text),
                variants.join(", ")
            )));
        }
        let variant: StrDeserializer<'_, Mismatch> = text.as_str().into_deserializer();
        visitor.visit_enum(variant)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// The items of a list.
struct Items<I>(I);

impl<'de, I: Iterator<Item = Strict<'de>>> de::SeqAccess<'de> for Items<I> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> std::result::Result<Option<T::Value>, Mismatch> {
        self.0.next().map(|item| item.seeded(seed)).transpose()
    }
}

/// The entries of a dictionary that are not null.
struct Entries<'a, 'b> {
    place: &'b Strict<'a>,
    rest: serde_json::map::Iter<'a>,
    next: Option<Strict<'a>>,
    /// The keys that count, where others do not.
    only: Option<&'static [&'static str]>,
}

impl<'a, 'b> Entries<'a, 'b> {
    fn new(place: &'b Strict<'a>, object: &'a Map<String, Value>) -> Self {
        Self {
            place,
            rest: object.iter(),
            next: None,
            only: None,
        }
    }

    fn only(self, keys: &'static [&'static str]) -> Self {
        let only = Some(keys);
        Self { only, ..self }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de, '_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> std::result::Result<Option<K::Value>, Mismatch> {
        let place = self.place;
        let counts = |key: &str| self.only.is_none_or(|only| only.contains(&key));
        let entry = |(key, value): (&'de String, &'de Value)| Some((key, place.entry(key, value)?));
        let mut entries = self.rest.by_ref().filter(|(key, _)| counts(key));
        let Some((key, value)) = entries.find_map(entry) else {
            return Ok(None);
        };
        self.next = Some(value);
        let key: StrDeserializer<'_, Mismatch> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> std::result::Result<V::Value, Mismatch> {
        // Serde asks for a value only after its key.
        let Some(value) = self.next.take() else {
            return Err(de::Error::custom("a value without a key"));
        };
        value.seeded(seed)
    }
}

#[cfg(test)]
mod tests;
