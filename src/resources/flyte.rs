//! Flyte's resources as Kubernetes quantities.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;

use super::quantity::{Amounts, billionths, check, is_zero};
use crate::error::{Error, Result};
use crate::text::{shorten, shortened, shown};

/// The fields of `flytekit.Resources` and what Kubernetes calls them.
const RESOURCES: [(&str, &str); 4] = [
    ("cpu", "cpu"),
    ("mem", "memory"),
    ("gpu", GPU),
    ("ephemeral_storage", "ephemeral-storage"),
];

/// The default resource name of a GPU: that of NVIDIA's device plugin, as in Flyte.
pub const GPU: &str = "nvidia.com/gpu";

/// The default requests of a service: 2 CPUs and 10 GB of memory.
#[must_use]
pub fn default_requests() -> Amounts {
    amounts([("cpu", "2"), ("memory", "10G")])
}

/// The default limits of a service: 6 CPUs and 16 GB of memory.
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

/// The name of a Kubernetes resource in `flytekit.Resources`; a resource that flytekit does not name keeps its own
/// name.
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
/// what is absent, null or zero is left out, since Flyte fills in zeros for values that a user has not set.
///
/// # Errors
/// [`Error::InvalidSpec`] with the path of the amount that is not a Kubernetes quantity.
pub fn from_flyte(field: &str, resources: &Value) -> Result<Amounts> {
    let mut amounts = from_flyte_with_zeros(field, resources)?;
    amounts.retain(|_, amount| !is_zero(amount));
    Ok(amounts)
}

/// Reads resources as [`from_flyte`] does, but a zero counts: whoever sets a limit, or removes a default, means it.
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
    // The value that an older Flyte fills in for an unset memory.
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
        if billionths(request) <= billionths(limit) {
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
    use crate::resources::quantity::is_amount;
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
    fn zero_is_left_out_in_every_notation() {
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
    fn text_without_digits_or_with_an_unknown_suffix_is_no_quantity() {
        for text in NO_QUANTITIES {
            assert!(!is_amount(text), "{text}");
            assert!(billionths(&Quantity(text.to_owned())).is_none(), "{text}");
            for field in ["Requests", "Limits"] {
                let refused = from_flyte(field, &json!({"mem": text})).expect_err(text).to_string();
                let start = format!("{field}.mem is {text:?}, not a Kubernetes quantity");
                assert!(refused.starts_with(&start), "{refused}");
            }
        }
    }

    #[test]
    fn a_number_beyond_the_range_of_kubernetes_is_refused() {
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
