//! Amounts of resources, for containers that ask for their own limits.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, ResourceFieldSelector};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// The value of a `resourceFieldRef`: how often the divisor fits, rounded up. A container without a limit may use all
/// of the node.
pub(super) fn of_field(
    field: &ResourceFieldSelector,
    container: &Container,
    node: &BTreeMap<String, Quantity>,
) -> Result<String, String> {
    let unsupported = || format!("unsupported container resource : {}", field.resource);
    let (kind, resource) = field.resource.split_once('.').ok_or_else(unsupported)?;
    let resources = container.resources.as_ref();
    let limits = resources.and_then(|resources| resources.limits.as_ref());
    let requests = resources.and_then(|resources| resources.requests.as_ref());
    let of = |amounts: Option<&BTreeMap<String, Quantity>>| amounts.and_then(|amounts| amounts.get(resource)).cloned();
    let amount = match kind {
        "limits" => of(limits).or_else(|| of(Some(node))),
        // A limit without a request is the request, too.
        "requests" => of(requests).or_else(|| of(limits)),
        _ => return Err(unsupported()),
    };
    let invalid = |quantity: &Quantity| format!("unable to parse quantity {:?}", quantity.0);
    let amount = amount.map_or(Ok(0), |amount| nano(&amount).ok_or_else(|| invalid(&amount)))?;
    let divisor = field
        .divisor
        .as_ref()
        .filter(|divisor| !matches!(divisor.0.as_str(), "" | "0"));
    let divisor = divisor.map_or(Ok(NANO), |divisor| nano(divisor).ok_or_else(|| invalid(divisor)))?;
    if divisor <= 0 {
        return Err(unsupported());
    }
    Ok((amount / divisor + i128::from(amount % divisor > 0)).to_string())
}

const NANO: i128 = 1_000_000_000;

/// A quantity in billionths.
fn nano(quantity: &Quantity) -> Option<i128> {
    let text = quantity.0.trim();
    let end = text
        .find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor = match suffix {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "" => NANO,
        "k" => NANO * 1_000,
        "M" => NANO * 1_000_000,
        "G" => NANO * NANO,
        "T" => NANO * 1_000 * NANO,
        "P" => NANO * 1_000_000 * NANO,
        "E" => NANO * NANO * NANO,
        "Ki" => NANO << 10,
        "Mi" => NANO << 20,
        "Gi" => NANO << 30,
        "Ti" => NANO << 40,
        "Pi" => NANO << 50,
        "Ei" => NANO << 60,
        exponent => {
            let exponent = exponent.strip_prefix(['e', 'E'])?;
            NANO.checked_mul(10_i128.checked_pow(exponent.parse().ok()?)?)?
        }
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10_i128.checked_pow(fraction.len().try_into().ok()?)?;
    Some(digits.checked_mul(factor)? / scale)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(resource: &str, divisor: &str) -> Result<String, String> {
        let container: Container = serde_json::from_value(json!({
            "name": "foo",
            "resources": {"limits": {"cpu": "1500m", "memory": "1.5Gi"}, "requests": {"cpu": "0.25"}}
        }))
        .expect("a container");
        let field = ResourceFieldSelector {
            resource: resource.to_owned(),
            divisor: Some(Quantity(divisor.to_owned())),
            container_name: None,
        };
        let node = BTreeMap::from([("ephemeral-storage".to_owned(), Quantity("2e3".to_owned()))]);
        of_field(&field, &container, &node)
    }

    #[test]
    fn an_amount_is_divided_and_rounded_up() {
        for (resource, divisor, wanted) in [
            ("limits.cpu", "", "2"),
            ("limits.cpu", "1m", "1500"),
            ("limits.memory", "1Mi", "1536"),
            ("limits.memory", "0", "1610612736"),
            ("requests.cpu", "1m", "250"),
            ("requests.memory", "1Gi", "2"),
            ("limits.ephemeral-storage", "1", "2000"),
            ("requests.ephemeral-storage", "1", "0"),
        ] {
            assert_eq!(value(resource, divisor).as_deref(), Ok(wanted), "{resource}");
        }
        assert!(value("cpu", "1").is_err() && value("limits.cpu", "x").is_err());
    }
}
