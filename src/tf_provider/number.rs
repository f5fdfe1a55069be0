//! Numbers as Terraform has them: decimals of any size, kept exactly.
use std::{fmt, str::FromStr};

/// A Terraform number in canonical form, so that equal numbers are equal values: 5, 5.0 and "5" are one.
///
/// Terraform computes with 512 bits. What fits an integer or a double exactly is kept as such; the rest (0.1
/// for one) is decimal text.
#[derive(Clone, Debug, PartialEq)]
pub struct Number(Kind);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Int(i64),
    UInt(u64),
    Float(f64),
    Decimal(String),
}

/// Text that is no decimal number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a decimal number")]
pub struct NumberError(String);

impl Number {
    /// The number as `i64`, if it is a whole number in range.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Kind::Int(i) => Some(i),
            _ => None,
        }
    }

    /// The number as `u64`, if it is a whole number in range.
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Kind::Int(i) => i.try_into().ok(),
            Kind::UInt(u) => Some(u),
            _ => None,
        }
    }

    /// The nearest double.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest double is what is asked for"
    )]
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            Kind::Int(i) => *i as f64,
            Kind::UInt(u) => *u as f64,
            Kind::Float(f) => *f,
            Kind::Decimal(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// A double taken exactly; `None` for NaN, which Terraform does not have.
    pub fn from_f64(float: f64) -> Option<Self> {
        if float.is_nan() {
            return None;
        }
        if float.is_infinite() {
            return Some(Self(Kind::Float(float)));
        }
        // Display of a double with no fraction prints every digit of its exact value.
        let whole = (float.fract() == 0.0).then(|| format!("{float:.0}"));
        Some(match whole.and_then(|text| Self::whole(&text)) {
            Some(number) => number,
            None => Self(Kind::Float(float)),
        })
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.0
    }

    fn whole(text: &str) -> Option<Self> {
        let int = text.parse().map(Kind::Int);
        int.or_else(|_| text.parse().map(Kind::UInt)).ok().map(Self)
    }
}

/// Digits beyond this are kept as they were written: nobody means them, and expanding them costs memory.
const LONGEST_EXPONENT: i64 = 400;

/// Sign, whole digits and fraction digits, without needless zeros and without exponent.
fn plain_decimal(text: &str) -> Option<String> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (rest.get(..at)?, rest.get(at + 1..)?.parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) || exponent.abs() > LONGEST_EXPONENT {
        return None;
    }
    let point = i64::try_from(whole.len()).ok()? + exponent;
    let (left, right) = match usize::try_from(point) {
        Err(_) => (
            "0".to_owned(),
            "0".repeat(usize::try_from(-point).ok()?) + &digits,
        ),
        Ok(point) if point >= digits.len() => {
            (digits.clone() + &"0".repeat(point - digits.len()), String::new())
        }
        Ok(point) => (digits.get(..point)?.to_owned(), digits.get(point..)?.to_owned()),
    };
    let left = left.trim_start_matches('0');
    let right = right.trim_end_matches('0');
    let sign = if negative && !(left.is_empty() && right.is_empty()) {
        "-"
    } else {
        ""
    };
    let left = if left.is_empty() { "0" } else { left };
    let point = if right.is_empty() { "" } else { "." };
    Some(format!("{sign}{left}{point}{right}"))
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let plain = plain_decimal(text).ok_or_else(|| NumberError(text.to_owned()))?;
        if let Some(number) = Self::whole(&plain) {
            return Ok(number);
        }
        // A double's exact value has at most 1074 digits after the point.
        let exact = |float: &f64| {
            float.is_finite() && plain_decimal(&format!("{float:.1074}")).as_ref() == Some(&plain)
        };
        Ok(match plain.parse::<f64>().ok().filter(exact) {
            Some(float) => Self(Kind::Float(float)),
            None => Self(Kind::Decimal(plain)),
        })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Int(i) => i.fmt(f),
            Kind::UInt(u) => u.fmt(f),
            Kind::Float(float) => float.fmt(f),
            Kind::Decimal(text) => text.fmt(f),
        }
    }
}

impl From<i64> for Number {
    fn from(i: i64) -> Self {
        Self(Kind::Int(i))
    }
}

impl From<u64> for Number {
    fn from(u: u64) -> Self {
        Self(i64::try_from(u).map_or(Kind::UInt(u), Kind::Int))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn equal_numbers_have_one_form() {
        assert_eq!(parse("5"), Number::from(5_i64));
        assert_eq!(parse("5.0"), Number::from_f64(5.0).unwrap());
        assert_eq!(parse("-0"), Number::from(0_i64));
        assert_eq!(parse("15e-1"), Number::from_f64(1.5).unwrap());
        assert_eq!(
            parse("1180591620717411303424"),
            Number::from_f64(2_f64.powi(70)).unwrap()
        );
        assert_eq!(parse("18446744073709551615"), Number::from(u64::MAX));
    }

    #[test]
    fn keeps_what_no_double_holds() {
        assert_eq!(parse("0.1").kind(), &Kind::Decimal("0.1".into()));
        assert_ne!(parse("0.1"), Number::from_f64(0.1).unwrap());
        assert_eq!(
            parse("123456789012345678901234567890").to_string(),
            "123456789012345678901234567890"
        );
        assert_eq!(parse("-1.5e-3").to_string(), "-0.0015");
    }

    #[test]
    fn refuses_other_text() {
        for text in ["", "-", ".", "1.2.3", "0x10", "NaN", "1e", "1e999999999", "一"] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
        assert!(Number::from_f64(f64::NAN).is_none());
    }
}
