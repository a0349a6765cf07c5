//! Quantities without a loss: the scheduler counts in integers, and one byte too few is one pod too few.
//!
//! `kube_quantity` reads through a float and drops the fraction of `1.5Gi` when it gives an integer.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// The finest that Kubernetes knows, `n`: how many there are in one.
pub(crate) const ONE: i128 = 1_000_000_000;

/// The most that Kubernetes can say: larger amounts are cut to it.
const MOST: i128 = i64::MAX as i128 * ONE;

/// An amount in billionths, rounded up; nothing where it is no quantity.
pub(crate) fn billionths(quantity: &Quantity) -> Option<i128> {
    let text = quantity.0.as_str();
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
        (None, _) => MOST,
    };
    let amount = amount.min(MOST);
    Some(if negative { -amount } else { amount })
}

/// What a suffix multiplies with: billionths of its unit, and a power of ten.
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
pub(super) fn counted(resource: &str, billionths: i128) -> i128 {
    ceiling(billionths, if resource == "cpu" { ONE / 1000 } else { ONE })
}

fn ceiling(amount: i128, divisor: i128) -> i128 {
    amount.div_euclid(divisor) + i128::from(amount.rem_euclid(divisor) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_is_no_quantity_is_nothing() {
        for text in ["", "two", "1GB", "1.2.3", "Gi", ".", "1 Gi", "1e", "--1"] {
            assert_eq!(billionths(&Quantity(text.to_owned())), None, "{text}");
        }
    }
}
