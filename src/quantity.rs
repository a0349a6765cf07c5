//! Flyte's resources as Kubernetes quantities.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube_quantity::ParsedQuantity;
use serde::Serializer;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::wording::{shorten, shortened, shown};

/// Resource names as Kubernetes calls them, with their amounts.
pub type Amounts = BTreeMap<String, Quantity>;

/// The fields of `flytekit.Resources` and what Kubernetes calls them.
const RESOURCES: [(&str, &str); 4] = [
    ("cpu", "cpu"),
    ("mem", "memory"),
    ("gpu", GPU),
    ("ephemeral_storage", "ephemeral-storage"),
];

/// What a GPU is called where the platform says nothing else: the resource of NVIDIA's device plugin, Flyte's default.
pub const GPU: &str = "nvidia.com/gpu";

/// What a service requests when its user says nothing: 2 CPUs and 10 GB of memory.
#[must_use]
pub fn default_requests() -> Amounts {
    amounts([("cpu", "2"), ("memory", "10G")])
}

/// What a service is limited to when its user says nothing: 6 CPUs and 16 GB of memory.
#[must_use]
pub fn default_limits() -> Amounts {
    amounts([("cpu", "6"), ("memory", "16G")])
}

fn amounts<const N: usize>(pairs: [(&str, &str); N]) -> Amounts {
    pairs
        .into_iter()
        .map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned())))
        .collect()
}

/// What `flytekit.Resources` calls a resource of Kubernetes; what it has no word for is called as in Kubernetes.
#[must_use]
pub fn flyte_name(kubernetes: &str) -> &str {
    RESOURCES
        .iter()
        .find(|(_, name)| *name == kubernetes)
        .map_or(kubernetes, |(flyte, _)| flyte)
}

/// Reads `Requests` or `Limits`: a dictionary of `flytekit.Resources`, as Flyte sends it.
///
/// Names are mapped (`mem` -> `memory`, `gpu` -> `nvidia.com/gpu`, `ephemeral_storage` -> `ephemeral-storage`), and
/// what is absent, null or zero is left out, since Flyte fills in zeros for what a user has not said.
///
/// # Errors
/// [`Error::InvalidSpec`] with the path of the amount that is not a Kubernetes quantity.
pub fn from_flyte(field: &str, resources: &Value) -> Result<Amounts> {
    let mut amounts = from_flyte_with_zeros(field, resources)?;
    amounts.retain(|_, amount| !is_zero(amount));
    Ok(amounts)
}

/// Reads resources as [`from_flyte`] does, but a zero is one: who sets a limit, or takes a default away, means it.
///
/// # Errors
/// [`Error::InvalidSpec`] with the path of the amount that is not a Kubernetes quantity.
pub fn from_flyte_with_zeros(field: &str, resources: &Value) -> Result<Amounts> {
    let Value::Object(resources) = resources else {
        return Err(Error::invalid(
            field,
            "must be resources, such as flytekit.Resources(cpu=\"1\", mem=\"2Gi\").",
        ));
    };
    let mut amounts = Amounts::new();
    for (key, value) in resources {
        if value.is_null() {
            continue;
        }
        let path = format!("{field}.{}", shortened(key));
        let Some((_, name)) = RESOURCES.iter().find(|(flyte, _)| flyte == key) else {
            return Err(Error::invalid(
                path,
                "is not a resource: use cpu, mem, gpu or ephemeral_storage.",
            ));
        };
        amounts.insert((*name).to_owned(), parse(&path, value, *name == GPU)?);
    }
    Ok(amounts)
}

/// Reads one amount, or nothing where it is zero.
///
/// # Errors
/// [`Error::InvalidSpec`] with the path, where it is not a Kubernetes quantity.
pub fn amount(path: &str, value: &Value) -> Result<Option<Quantity>> {
    Ok(Some(parse(path, value, false)?).filter(|amount| !is_zero(amount)))
}

/// Writes amounts as `flytekit.Resources` has them: what [`from_flyte`] reads.
#[must_use]
pub fn to_flyte(amounts: &Amounts) -> Value {
    let amounts = amounts.iter();
    amounts
        .map(|(name, amount)| (flyte_name(name).to_owned(), Value::from(amount.0.as_str())))
        .collect()
}

/// One amount.
fn parse(path: &str, value: &Value, whole: bool) -> Result<Quantity> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => from_number(number.as_f64().unwrap_or(f64::NAN)),
        _ => {
            return Err(Error::invalid(
                path,
                format!(
                    "must be one amount, such as \"500m\", \"2Gi\" or 1, not {}.",
                    shown(value)
                ),
            ));
        }
    };
    // What an older Flyte fills in for a memory that nobody asked for.
    if text.eq_ignore_ascii_case("0gb") {
        return Ok(Quantity("0".to_owned()));
    }
    let bad = |problem: &str| Error::invalid(path, format!("is {}, {problem}", shorten(&text)));
    check(&text).map_err(bad)?;
    let amount = Quantity(text.clone());
    if whole && !is_zero(&amount) && !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(bad("but a GPU cannot be shared: write a whole number."));
    }
    Ok(amount)
}

/// A number as a quantity: whole as it is, fractions in thousandths, the finest that a CPU is divided into.
fn from_number(number: f64) -> String {
    if number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        format!("{:.0}m", (number * 1000.0).ceil())
    }
}

/// Whether a text is an amount, as Kubernetes writes amounts.
#[must_use]
pub fn is_amount(text: &str) -> bool {
    split(text).is_some()
}

/// Checks that a text is an amount that a resource can have: a Kubernetes quantity, not negative, and not more than
/// Kubernetes can hold.
///
/// # Errors
/// What the text is instead, as the end of a sentence.
pub fn check(text: &str) -> std::result::Result<(), &'static str> {
    let Some((number, scale)) = split(text) else {
        return Err("not a Kubernetes quantity: write an amount such as \"500m\", \"2\" or \"2Gi\".");
    };
    if number < 0.0 {
        return Err("negative: write an amount of 0 or more.");
    }
    // The API server silently replaces a larger amount by this one.
    if number * scale > MOST {
        return Err("more than Kubernetes can hold, which is 9223372036854775807.");
    }
    Ok(())
}

/// The largest amount that Kubernetes can hold: 2^63 - 1, as near as a float comes.
const MOST: f64 = 9_223_372_036_854_775_807.0;

/// The number of a quantity and what its suffix multiplies it with; `None` where the text is no quantity by
/// Kubernetes's grammar (`apimachinery/pkg/api/resource`): an optional sign, digits with at most one point, a suffix.
fn split(text: &str) -> Option<(f64, f64)> {
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(unsigned.len());
    let (digits, suffix) = unsigned.split_at(end);
    if !digits.contains(|character: char| character.is_ascii_digit()) {
        return None;
    }
    // A second point is no number either.
    let number: f64 = digits.parse().ok()?;
    let scale = if let Some((power, _)) = (1..).zip(BINARY).find(|(_, name)| *name == suffix) {
        1024_f64.powi(power)
    } else if let Some((power, _)) = (-3..).zip(DECIMAL).find(|(_, name)| *name == suffix) {
        1000_f64.powi(power)
    } else {
        10_f64.powi(suffix.strip_prefix(['e', 'E'])?.parse().ok()?)
    };
    Some((if text.starts_with('-') { -number } else { number }, scale))
}

/// An amount as a number; `None` where it is no quantity.
#[must_use]
pub fn parsed(amount: &Quantity) -> Option<ParsedQuantity> {
    split(&amount.0)?;
    // The parser takes the `E` of `1E` and `1Ei` for the beginning of an exponent.
    for (exa, smaller, factor) in [("E", "P", 1000.0), ("Ei", "Pi", 1024.0)] {
        if let Some(number) = amount.0.strip_suffix(exa).and_then(|number| number.parse::<f64>().ok()) {
            return ParsedQuantity::try_from(&Quantity(format!("{}{smaller}", number * factor))).ok();
        }
    }
    ParsedQuantity::try_from(amount).ok()
}

/// Whether an amount is less than another one.
#[must_use]
pub fn is_less(one: &Quantity, other: &Quantity) -> bool {
    parsed(one) < parsed(other)
}

/// Whether an amount is none.
#[must_use]
pub fn is_zero(amount: &Quantity) -> bool {
    parsed(amount).is_some_and(|amount| amount == ParsedQuantity::default())
}

/// Whether two lists name the same amounts, however they are written: the API server makes `1024Mi` into `1Gi`.
#[must_use]
pub fn same_amounts(one: &Amounts, other: &Amounts) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .all(|(name, amount)| other.get(name).is_some_and(|other| parsed(amount) == parsed(other)))
}

/// Serializes amounts by their values, so that `1000m` and `1` are the same.
///
/// # Errors
/// Those of the serializer.
pub fn by_value<S: Serializer>(amounts: &Amounts, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(
        amounts
            .iter()
            .map(|(name, amount)| (name, parsed(amount).and_then(|value| value.to_bytes_f64()))),
    )
}

/// Completes what the user gave with the defaults, so that no request exceeds its limit.
///
/// Only what the user left out gives way: a default limit rises to a higher request, a default request falls to a lower
/// limit. A GPU that is only requested gets the same limit, since Kubernetes does not let GPUs be overcommitted.
///
/// # Errors
/// [`Error::InvalidSpec`] when the user's own request exceeds the user's own limit.
pub fn complete(requests: Option<Amounts>, limits: Option<Amounts>) -> Result<(Amounts, Amounts)> {
    let requests_given = requests.is_some();
    let limits_given = limits.is_some();
    let mut requests = requests.unwrap_or_else(default_requests);
    let mut limits = limits.unwrap_or_else(default_limits);
    if let (Some(gpu), false) = (requests.get(GPU), limits.contains_key(GPU)) {
        limits.insert(GPU.to_owned(), gpu.clone());
    }
    for (name, request) in &mut requests {
        let Some(limit) = limits.get_mut(name) else { continue };
        if parsed(request) <= parsed(limit) {
            continue;
        }
        match (requests_given, limits_given) {
            (true, false) => *limit = request.clone(),
            (false, true) => *request = limit.clone(),
            _ => {
                let flyte = flyte_name(name);
                return Err(Error::invalid(
                    format!("Requests.{flyte}"),
                    format!(
                        "is {}, more than Limits.{flyte}, which is {}: raise the limit or lower the request.",
                        request.0, limit.0
                    ),
                ));
            }
        }
    }
    Ok((requests, limits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(amounts: &Amounts) -> Vec<String> {
        amounts
            .iter()
            .map(|(name, amount)| format!("{name}={}", amount.0))
            .collect()
    }

    #[test]
    fn flytes_names_become_kubernetess() {
        let amounts = from_flyte(
            "Requests",
            &json!({"cpu": "500m", "mem": "1Gi", "gpu": 1.0, "ephemeral_storage": "10G"}),
        )
        .expect("valid");
        assert_eq!(
            text(&amounts),
            ["cpu=500m", "ephemeral-storage=10G", "memory=1Gi", "nvidia.com/gpu=1"]
        );
    }

    #[test]
    fn numbers_arrive_as_floats_and_become_exact_quantities() {
        let amounts = from_flyte("Requests", &json!({"cpu": 0.5, "mem": 1_073_741_824.0})).expect("valid");
        assert_eq!(text(&amounts), ["cpu=500m", "memory=1073741824"]);
    }

    #[test]
    fn what_is_zero_in_any_writing_is_left_out() {
        for zero in [
            json!(null),
            json!(0),
            json!(0.0),
            json!("0"),
            json!(" 0 "),
            json!("0Gi"),
            json!("0gb"),
            json!("0m"),
        ] {
            let amounts = from_flyte("Limits", &json!({"mem": zero, "cpu": "1"})).expect("valid");
            assert_eq!(text(&amounts), ["cpu=1"], "{zero}");
        }
    }

    #[test]
    fn a_bad_amount_is_refused_with_its_path() {
        for (resources, path) in [
            (json!({"mem": "1GB"}), "Requests.mem"),
            (json!({"cpu": "two"}), "Requests.cpu"),
            (json!({"cpu": "-1"}), "Requests.cpu"),
            (json!({"cpu": ""}), "Requests.cpu"),
            (json!({"mem": "Gi"}), "Requests.mem"),
            (json!({"cpu": ["1", "2"]}), "Requests.cpu"),
            (json!({"cpu": true}), "Requests.cpu"),
            (json!({"gpu": 0.5}), "Requests.gpu"),
            (json!({"memory": "1Gi"}), "Requests.memory"),
            (json!("1Gi"), "Requests"),
        ] {
            let message = from_flyte("Requests", &resources).expect_err("refused").to_string();
            assert!(message.starts_with(&format!("{path} ")), "{message}");
        }
    }

    /// What Kubernetes refuses, since it has no digits, no known suffix or more than a quantity has.
    const NO_QUANTITIES: [&str; 36] = [
        "", "-", "+", ".", "+.", "-.", "Gi", "Mi", "Ki", "m", "k", "E", "-Gi", "+m", ".Gi", "e3", "E3", "-e3", "1e",
        "1e+", "1e1.5", "1e3Ki", "1Ki1", "Ki1", "1ki", "1K", "1GB", "1gi", "1.2.3", "--1", "+-1", "1 Gi", "1,5",
        "1_000", "0x10", "nan",
    ];

    #[test]
    fn what_has_no_digits_or_no_known_suffix_is_not_an_amount() {
        for text in NO_QUANTITIES {
            assert!(!is_amount(text), "{text}");
            assert!(parsed(&Quantity(text.to_owned())).is_none(), "{text}");
            for field in ["Requests", "Limits"] {
                let refused = from_flyte(field, &json!({"mem": text})).expect_err(text).to_string();
                let start = format!("{field}.mem is {text:?}, not a Kubernetes quantity");
                assert!(refused.starts_with(&start), "{refused}");
            }
        }
    }

    #[test]
    fn all_that_kubernetes_takes_is_an_amount() {
        for (text, value) in [
            ("+1", 1.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("+.5k", 500.0),
            ("1e3", 1e3),
            ("1E3", 1e3),
            ("1e+3", 1e3),
            ("20e-1", 2.0),
            ("1E", 1e18),
            ("1.5E", 1.5e18),
            ("1Ei", 1_152_921_504_606_846_976.0),
            ("1n", 1e-9),
            ("007", 7.0),
            ("1.5Gi", 1_610_612_736.0),
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
            let parsed = parsed(&Quantity(text.to_owned())).and_then(|value| value.to_bytes_f64());
            let near = parsed.is_some_and(|parsed| (parsed - value).abs() <= value * 1e-9);
            assert!(near, "{text}: {parsed:?}");
        }
    }

    #[test]
    fn what_kubernetes_would_cut_to_its_largest_number_is_refused() {
        for text in ["9Ei", "100E", "1e19", "1e99999", "99999999999999999999"] {
            let refused = from_flyte("Limits", &json!({"mem": text}));
            if text == "9Ei" {
                assert!(refused.is_err(), "9 * 2^60 is more than 2^63 - 1");
            }
            let refused = refused.expect_err(text).to_string();
            assert!(
                refused.starts_with(&format!("Limits.mem is {text:?}, more than Kubernetes")),
                "{refused}"
            );
        }
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let (requests, limits) = complete(None, None).expect("valid");
        assert_eq!(text(&requests), ["cpu=2", "memory=10G"]);
        assert_eq!(text(&limits), ["cpu=6", "memory=16G"]);
    }

    #[test]
    fn a_default_gives_way_to_what_the_user_said() {
        let (_, limits) = complete(Some(amounts([("cpu", "8")])), None).expect("valid");
        assert_eq!(text(&limits), ["cpu=8", "memory=16G"]);
        let (requests, _) = complete(None, Some(amounts([("cpu", "1"), ("memory", "2Gi")]))).expect("valid");
        assert_eq!(text(&requests), ["cpu=1", "memory=2Gi"]);
    }

    #[test]
    fn a_request_over_the_users_own_limit_is_refused() {
        let error = complete(Some(amounts([("memory", "3Gi")])), Some(amounts([("memory", "3G")])));
        let message = error.expect_err("refused").to_string();
        assert!(
            message.starts_with("Requests.mem is 3Gi, more than Limits.mem, which is 3G"),
            "{message}"
        );
    }

    #[test]
    fn a_requested_gpu_is_its_own_limit() {
        let (_, limits) = complete(Some(amounts([(GPU, "2")])), Some(amounts([("cpu", "1")]))).expect("valid");
        assert_eq!(text(&limits), ["cpu=1", "nvidia.com/gpu=2"]);
    }
}
