//! An amount that is compared with others, and shown to people.

use std::fmt;
use std::ops::Mul;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::quantity::{MOST, ONE, billionths};

/// Units in which amounts are shown, where they can be exactly.
const UNITS: [(&str, i128); 9] = [
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("P", 1_000_000_000_000_000),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("", 1),
];

/// An amount, in billionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(pub(crate) i128);

impl From<&Quantity> for Amount {
    /// A value that cannot be read counts as the largest: the API server may understand it.
    fn from(quantity: &Quantity) -> Self {
        Self(billionths(quantity).unwrap_or(MOST).max(0))
    }
}

impl Mul<i32> for Amount {
    type Output = Self;

    fn mul(self, times: i32) -> Self {
        Self(self.0.saturating_mul(i128::from(times)))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, unit) in [("n", 1), ("u", 1000), ("m", 1_000_000)] {
            if self.0 % (1000 * unit) != 0 {
                return write!(formatter, "{}{name}", self.0 / unit);
            }
        }
        let whole = self.0 / ONE;
        let exact = UNITS
            .iter()
            .filter(|(_, unit)| whole % unit == 0 && (whole > 0 || *unit == 1));
        let texts = exact.map(|(name, unit)| format!("{}{name}", whole / unit));
        formatter.write_str(&texts.min_by_key(String::len).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::from(&Quantity(text.to_owned()))
    }

    #[test]
    fn amounts_of_all_units_add_up() {
        for (one, other, sum) in [
            ("0", "10m", "10m"),
            ("10m", "10m", "20m"),
            ("500m", "1.5", "2"),
            ("1100m", "1100m", "2200m"),
            ("0", "2Gi", "2Gi"),
            ("512Mi", "1Gi", "1536Mi"),
            ("8G", "8000M", "16G"),
            ("1Gi", "1", "1073741825"),
            ("2000", "48", "2048"),
            ("0", "0", "0"),
            ("0.1m", "1u", "101u"),
            ("1n", "1", "1000000001n"),
        ] {
            let together = Amount(amount(one).0 + amount(other).0);
            assert_eq!(together.to_string(), sum, "{one} + {other}");
        }
        assert_eq!((amount("8") * 4).to_string(), "32");
    }

    #[test]
    fn an_excessive_quantity_is_still_a_number() {
        for text in ["99999999E", "no quantity", "1000P"] {
            assert!(amount(text) * i32::MAX > amount("999P"), "{text}");
        }
    }
}
