//! Go's duration syntax, as every `timeouts` block in Terraform speaks it.
use std::time::Duration;

/// The shortest and the longest that is of use: a second, and a year.
const RANGE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(8760 * 3600);

/// Parses `90s`, `1h30m`, `1.5h`; units ns, us, µs, ms, s, m, h. The text must have a unit and no sign, and be within
/// a second and a year: a moment so far from now always exists.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration such as \"90s\" or \"1h30m\"");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return Err(wrong()),
        };
        seconds += number.parse::<f64>().map_err(|_| wrong())? * factor;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| RANGE.contains(duration))
        .ok_or_else(|| format!("{text:?} is out of range: at least 1s, at most 8760h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("1250ms"), Ok(Duration::from_millis(1250)));
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in ["", "10", "s", "-5s", "1d", "1h30", "..s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_what_no_operation_can_take() {
        for text in [
            "0s",
            "0h0m",
            "999ms",
            "8761h",
            "4000000000000000h",
            &"9".repeat(400),
            &format!("{}h", "9".repeat(400)),
        ] {
            let refused = parse_duration(text).unwrap_err();
            assert!(
                text.ends_with('9') || refused.contains("at least 1s, at most 8760h"),
                "{refused}"
            );
        }
        assert!(parse_duration("8760h").is_ok());
    }
}
