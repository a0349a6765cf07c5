//! Amounts in the form in which Kubernetes writes them: `1024Mi` as `1Gi`, and `0.5` as `500m`.

use serde_json::{Value, json};

/// Maps of amounts.
const AMOUNTS: [&str; 7] = [
    "limits",
    "requests",
    "hard",
    "used",
    "capacity",
    "allocatable",
    "overhead",
];

const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Rewrites all amounts of an object.
pub(super) fn canonicalize(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::Object(amounts) if AMOUNTS.contains(&key.as_str()) => {
                        amounts.values_mut().for_each(rewrite);
                    }
                    Value::String(_) if key == "sizeLimit" => rewrite(value),
                    // Texts that look like amounts, and may be large.
                    _ if matches!(key.as_str(), "metadata" | "data" | "binaryData") => {}
                    other => canonicalize(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(canonicalize),
        _ => {}
    }
}

fn rewrite(amount: &mut Value) {
    if let Some(canonical) = amount.as_str().and_then(canonical) {
        *amount = json!(canonical);
    }
}

/// The canonical form; `None` for what is no amount, or has an exponent, which stays as it is.
fn canonical(text: &str) -> Option<String> {
    let start = text
        .find(|character: char| character.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(start);
    let (negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = u32::try_from(fraction.len()).ok()?;
    let (mantissa, suffix) = if let Some(power) = BINARY.iter().position(|one| *one == suffix && !one.is_empty()) {
        let bytes = digits.checked_mul(1024_i128.checked_pow(u32::try_from(power).ok()?)?)?;
        // Kubernetes rounds up to the smallest amount that it has.
        let bytes = divide_up(bytes, 10_i128.checked_pow(scale)?);
        if bytes < 1024 {
            decimal(bytes, 0)?
        } else {
            binary(bytes)
        }
    } else {
        let exponent = DECIMAL.iter().find(|(one, _)| *one == suffix)?.1;
        let nanos = digits.checked_mul(10_i128.checked_pow(u32::try_from(exponent + 9).ok()?)?)?;
        decimal(divide_up(nanos, 10_i128.checked_pow(scale)?), -9)?
    };
    let sign = if negative && mantissa != 0 { "-" } else { "" };
    Some(format!("{sign}{mantissa}{suffix}"))
}

fn divide_up(number: i128, by: i128) -> i128 {
    number.div_euclid(by) + i128::from(number.rem_euclid(by) != 0)
}

fn decimal(mut number: i128, mut exponent: i32) -> Option<(i128, &'static str)> {
    if number == 0 {
        return Some((0, ""));
    }
    while exponent < 18 && number % 1000 == 0 {
        number /= 1000;
        exponent += 3;
    }
    let suffix = DECIMAL.iter().find(|(_, one)| *one == exponent)?.0;
    Some((number, suffix))
}

fn binary(mut bytes: i128) -> (i128, &'static str) {
    let mut power = 0;
    while power + 1 < BINARY.len() && bytes % 1024 == 0 {
        bytes /= 1024;
        power += 1;
    }
    (bytes, BINARY[power])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_one_form() {
        for (written, kept) in [
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("1500Mi", "1500Mi"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("500m", "500m"),
            ("2", "2"),
            ("16G", "16G"),
            ("1000M", "1G"),
            ("0", "0"),
            ("0.5Ki", "512"),
            ("-1000m", "-1"),
        ] {
            assert_eq!(canonical(written).as_deref(), Some(kept), "{written}");
        }
        assert_eq!(canonical("1e3"), None);
        assert_eq!(canonical("much"), None);
    }
}
