//! Quantities, as Kubernetes reads them, without a loss: the scheduler counts in integers, and one byte too few is one
//! pod too few.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube_quantity::ParsedQuantity;
use serde::Serializer;

/// Resource names as Kubernetes calls them, with their amounts.
pub type Amounts = BTreeMap<String, Quantity>;

/// The finest that Kubernetes knows, `n`: how many there are in one.
pub(crate) const ONE: i128 = 1_000_000_000;

/// The most that Kubernetes can hold, 2^63 - 1, in billionths.
pub(crate) const MOST: i128 = i64::MAX as i128 * ONE;

/// Whether a text is an amount, as Kubernetes writes amounts.
#[must_use]
pub fn is_amount(text: &str) -> bool {
    read(text).is_some()
}

/// Checks that a text is an amount that a resource can have: a Kubernetes quantity, not negative, and not more than
/// Kubernetes can hold.
///
/// # Errors
/// A description of the text, as the end of a sentence.
pub fn check(text: &str) -> std::result::Result<(), &'static str> {
    let Some(amount) = read(text) else {
        return Err("not a Kubernetes quantity: write an amount such as \"500m\", \"2\" or \"2Gi\".");
    };
    if amount < 0 {
        return Err("negative: write an amount of 0 or more.");
    }
    // The API server silently replaces a larger amount by this one.
    if amount > MOST {
        return Err("more than Kubernetes can hold, which is 9223372036854775807.");
    }
    Ok(())
}

/// An amount in billionths, rounded up, and cut to what Kubernetes can hold; nothing where it is no quantity.
pub(crate) fn billionths(quantity: &Quantity) -> Option<i128> {
    Some(read(&quantity.0)?.clamp(-MOST, MOST))
}

/// An amount in billionths, rounded up; `None` where the text is no quantity by Kubernetes's grammar
/// (`apimachinery/pkg/api/resource`): an optional sign, digits with at most one point, a suffix.
fn read(text: &str) -> Option<i128> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || fraction.contains('.') {
        return None;
    }
    let (of_one, decimals) = scale(suffix)?;
    // As many decimals have to go as the number has, less those that the suffix adds.
    let decimals = i32::try_from(fraction.len()).ok()?.checked_sub(decimals)?;
    let power = |exponent: u32| 10_i128.checked_pow(exponent);
    let factor = power(decimals.min(0).unsigned_abs());
    let exact = factor.and_then(|factor| digits.parse::<i128>().ok()?.checked_mul(of_one)?.checked_mul(factor));
    let amount = match (exact, power(decimals.max(0).unsigned_abs())) {
        (Some(exact), Some(divisor)) => ceiling(exact, divisor),
        // Finer than anything: not nothing, which is rounded up to the finest there is.
        (Some(exact), None) => exact.signum(),
        (None, _) => i128::MAX,
    };
    Some(if negative { -amount } else { amount })
}

/// The factor of a suffix: billionths of its unit, and a power of ten.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    if let Some(place) = (1_u32..).zip(BINARY).find(|(_, name)| *name == suffix) {
        return Some((ONE << (10 * place.0), 0));
    }
    if let Some(place) = (0_u32..).zip(DECIMAL).find(|(_, name)| *name == suffix) {
        return Some((1000_i128.pow(place.0), 0));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((ONE, exponent))
}

/// An amount of a resource as the scheduler counts it: CPUs in thousandths, all else in ones, rounded up.
pub(crate) fn counted(resource: &str, billionths: i128) -> i128 {
    ceiling(billionths, if resource == "cpu" { ONE / 1000 } else { ONE })
}

fn ceiling(amount: i128, divisor: i128) -> i128 {
    amount.div_euclid(divisor) + i128::from(amount.rem_euclid(divisor) != 0)
}

/// Whether an amount is less than another one.
#[must_use]
pub fn is_less(one: &Quantity, other: &Quantity) -> bool {
    billionths(one) < billionths(other)
}

/// Whether an amount is none.
#[must_use]
pub fn is_zero(amount: &Quantity) -> bool {
    billionths(amount) == Some(0)
}

/// Whether two lists name the same amounts, however they are written: the API server makes `1024Mi` into `1Gi`.
#[must_use]
pub fn same_amounts(one: &Amounts, other: &Amounts) -> bool {
    let same = |(name, amount): (&String, &Quantity)| {
        let other = other.get(name);
        other.is_some_and(|other| billionths(amount) == billionths(other))
    };
    one.len() == other.len() && one.iter().all(same)
}

/// Serializes amounts by their values, so that `1000m` and `1` are the same.
///
/// The hash of a service is made from these floats, as `kube_quantity` reads them. Another reader could end in another
/// last digit, and a create would take an existing service for a different one. Nothing else uses the crate
/// (`docs/adr/0029-image-references.md`).
///
/// # Errors
/// Those of the serializer.
pub fn by_value<S: Serializer>(amounts: &Amounts, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let values = amounts.iter().map(|(name, amount)| {
        let value = hashed(amount).and_then(|value| value.to_bytes_f64());
        (name, value)
    });
    serializer.collect_map(values)
}

fn hashed(amount: &Quantity) -> Option<ParsedQuantity> {
    read(&amount.0)?;
    // The parser takes the `E` of `1E` and `1Ei` for the beginning of an exponent.
    for (exa, smaller, factor) in [("E", "P", 1000.0), ("Ei", "Pi", 1024.0)] {
        if let Some(number) = amount.0.strip_suffix(exa).and_then(|number| number.parse::<f64>().ok()) {
            return ParsedQuantity::try_from(&Quantity(format!("{}{smaller}", number * factor))).ok();
        }
    }
    ParsedQuantity::try_from(amount).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let parsed = hashed(&Quantity(text.to_owned())).and_then(|value| value.to_bytes_f64());
            let near = parsed.is_some_and(|parsed| (parsed - value).abs() <= value * 1e-9);
            assert!(near, "{text}: {parsed:?}");
        }
    }

    #[test]
    fn amounts_are_exact_and_rounded_up_as_kubernetes_does() {
        for (resource, text, expected) in [
            ("cpu", "2", 2000),
            ("cpu", "0.1", 100),
            ("cpu", "100m", 100),
            ("cpu", "100.1m", 101),
            ("cpu", "1n", 1),
            ("cpu", "0.0000000000000000000000000000000000000000000001", 1),
            ("cpu", "2e3", 2_000_000),
            ("cpu", "20e-1", 2000),
            ("memory", "1.5Gi", 1_610_612_736),
            ("memory", "9007199254740993", 9_007_199_254_740_993),
            ("memory", "0.1Ki", 103),
            ("memory", "128974848000m", 128_974_848),
            ("memory", "1E", 1_000_000_000_000_000_000),
            ("memory", "1E2", 100),
            ("memory", "+.5k", 500),
            ("memory", "5.", 5),
            ("memory", "1e99999", i128::from(i64::MAX)),
            ("memory", "9Ei", i128::from(i64::MAX)),
            ("nvidia.com/gpu", "2", 2),
            ("memory", "-1Ki", -1024),
        ] {
            let amount = billionths(&Quantity(text.to_owned())).map(|amount| counted(resource, amount));
            assert_eq!(amount, Some(expected), "{resource} {text}");
        }
    }

    #[test]
    fn an_invalid_quantity_counts_as_nothing() {
        for text in ["", "two", "1GB", "1.2.3", "Gi", ".", "1 Gi", "1e", "--1"] {
            assert_eq!(billionths(&Quantity(text.to_owned())), None, "{text}");
        }
    }
}
