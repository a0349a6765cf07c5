//! Which receipts of services that have ended are kept, and at which prices.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reader::{entries, fields, inside, text};
use crate::error::{Error, Result};
use crate::text::shown;

/// How many receipts a namespace keeps at most: all of them are in one `ConfigMap`.
const MOST: u64 = 500;

/// Which receipts of services that have ended are kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Receipts {
    /// How many receipts each namespace keeps.
    pub keep: usize,
    /// The prices of an hour, if the platform gives any.
    pub prices: Option<Prices>,
}

/// The prices of an hour of each resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices {
    /// The currency, as the platform calls it.
    pub currency: Option<String>,
    /// The price of an hour: of a core for `cpu`, of a GiB for `memory`, `ephemeral-storage` and `storage`, which is
    /// that of claims, and of one piece for any other resource, such as `nvidia.com/gpu`.
    pub per_hour: BTreeMap<String, f64>,
}

impl Receipts {
    pub(super) fn parse(path: &str, value: &Value) -> Result<Self> {
        let mut receipts = Self::default();
        for (key, value) in fields(path, value, &["keep", "prices"])? {
            let path = inside(path, key);
            match key {
                "keep" => receipts.keep = number(&path, value)?,
                _ => receipts.prices = Some(prices(&path, value)?),
            }
        }
        Ok(receipts)
    }
}

fn number(path: &str, value: &Value) -> Result<usize> {
    let number = value.as_u64().filter(|number| *number <= MOST);
    number.and_then(|number| usize::try_from(number).ok()).ok_or_else(|| {
        let words = format!("is {}, but must be a whole number from 0 to {MOST}.", shown(value));
        Error::invalid(path, words)
    })
}

fn prices(path: &str, value: &Value) -> Result<Prices> {
    let mut prices = Prices::default();
    for (key, value) in entries(path, value)? {
        let path = inside(path, key);
        if key == "currency" {
            prices.currency = Some(text(&path, value)?.to_owned());
            continue;
        }
        let is_resource = ["cpu", "memory", "storage", "ephemeral-storage"].contains(&key) || key.contains('/');
        if !is_resource {
            let words = "is no resource: use cpu, memory, storage, ephemeral-storage, or one with a slash such as \
                         nvidia.com/gpu.";
            return Err(Error::invalid(path, words));
        }
        let price = value.as_f64().filter(|price| *price >= 0.0 && price.is_finite());
        let price = price.ok_or_else(|| {
            let words = format!("is {}, but must be the price of an hour, 0 or more.", shown(value));
            Error::invalid(path, words)
        })?;
        prices.per_hour.insert(key.to_owned(), price);
    }
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn receipts_and_prices_are_read() {
        let settings = json!({"keep": 100, "prices": {"currency": "EUR", "cpu": 0.03, "nvidia.com/gpu": 1}});
        let receipts = Receipts::parse("receipts", &settings).expect("settings");
        assert_eq!(receipts.keep, 100);
        let prices = receipts.prices.expect("prices");
        assert_eq!(
            (prices.currency.as_deref(), prices.per_hour["nvidia.com/gpu"]),
            (Some("EUR"), 1.0)
        );
    }

    #[test]
    fn an_invalid_number_or_resource_is_refused_by_its_path() {
        for (settings, words) in [
            (
                json!({"keep": 501}),
                "receipts.keep is 501, but must be a whole number from 0 to 500.",
            ),
            (json!({"keep": -1}), "receipts.keep is -1"),
            (
                json!({"kept": 1}),
                "receipts.kept is an unknown setting; did you mean `keep`?",
            ),
            (json!({"prices": {"cpus": 1}}), "receipts.prices.cpus is no resource"),
            (
                json!({"prices": {"cpu": "1"}}),
                "receipts.prices.cpu is \"1\", but must be the price of an hour",
            ),
            (
                json!({"prices": {"currency": 1}}),
                "receipts.prices.currency must be text",
            ),
        ] {
            let error = Receipts::parse("receipts", &settings).expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
