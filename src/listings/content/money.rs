//! Money as decimals: amounts, ranges, pay.

use std::fmt;

use bigdecimal::{BigDecimal, ToPrimitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use super::kinds::{Currency, PayPeriod};
use crate::error::FieldError;

/// A non-negative decimal with at most two places, below 10^15. Written as a string, since JSON numbers are no decimals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9]{1,15}([.][0-9]{1,2})?$", example = "1500000.00")]
pub struct Amount(BigDecimal);

impl Amount {
    pub fn parse(text: &str) -> Result<Self, String> {
        let (whole, places) = text.split_once('.').map_or((text, None), |(whole, places)| (whole, Some(places)));
        let digits = |part: &str, max: usize| (1..=max).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if digits(whole, 15) && places.is_none_or(|places| digits(places, 2)) {
            text.parse::<BigDecimal>().map(|value| Self(value.with_scale(2))).map_err(|error| error.to_string())
        } else {
            Err("expected a decimal as a string, such as \"1500000.00\": up to 15 digits and 2 places, no sign".to_owned())
        }
    }

    pub fn decimal(&self) -> &BigDecimal {
        &self.0
    }

    /// For scores, where the last cent does not matter.
    pub fn approximate(&self) -> f64 {
        self.0.to_f64().unwrap_or(f64::MAX)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_plain_string())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A range of money; one end may be open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoneyRange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Amount>,
    pub currency: Currency,
}

/// Pay for work, a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayRange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Amount>,
    pub currency: Currency,
    pub period: PayPeriod,
}

/// A range of money as it is compared: in one currency, from 0 and up to infinity where an end is open, and pay as pay a month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub min: f64,
    pub max: f64,
    pub currency: Currency,
}

impl Span {
    pub fn overlaps(&self, other: &Self) -> bool {
        self.min <= other.max && other.min <= self.max
    }

    fn of(min: Option<&Amount>, max: Option<&Amount>, currency: Currency, times: f64) -> Self {
        let end = |amount: Option<&Amount>, open: f64| amount.map_or(open, |amount| amount.approximate() * times);
        Self { min: end(min, 0.0), max: end(max, f64::INFINITY), currency }
    }
}

impl From<&MoneyRange> for Span {
    fn from(range: &MoneyRange) -> Self {
        Self::of(range.min.as_ref(), range.max.as_ref(), range.currency, 1.0)
    }
}

impl From<&PayRange> for Span {
    fn from(pay: &PayRange) -> Self {
        Self::of(pay.min.as_ref(), pay.max.as_ref(), pay.currency, pay.period.per_month())
    }
}

impl MoneyRange {
    pub fn check(&self, pointer: &str, wrong: &mut Vec<FieldError>) {
        check_ends(self.min.as_ref(), self.max.as_ref(), pointer, wrong);
    }
}

impl PayRange {
    pub fn check(&self, pointer: &str, wrong: &mut Vec<FieldError>) {
        check_ends(self.min.as_ref(), self.max.as_ref(), pointer, wrong);
    }
}

fn check_ends(min: Option<&Amount>, max: Option<&Amount>, pointer: &str, wrong: &mut Vec<FieldError>) {
    match (min, max) {
        (None, None) => wrong.push(FieldError::new(pointer, "required", crate::error::Message::new("needs min or max", "需要 min 或 max"))),
        (Some(min), Some(max)) if min > max => wrong.push(FieldError::not_allowed(format!("{pointer}/max"), "must not be less than min", "不得小于 min")),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_plain_decimals() {
        assert_eq!(Amount::parse("1500000").unwrap().to_string(), "1500000.00");
        assert_eq!(Amount::parse("0.5").unwrap().to_string(), "0.50");
        for bad in ["", "-1", "1e9", "1.234", "1,5", "１", "9999999999999999", ".5", "5.", "NaN", " 1"] {
            assert!(Amount::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_comes_back_as_it_was_written(whole in 0_u64..1_000_000_000_000, cents in 0_u8..100) {
            let text = format!("{whole}.{cents:02}");
            prop_assert_eq!(Amount::parse(&text).unwrap().to_string(), text);
        }
    }
}
