//! The table that `make bench` prints.
use acceptance::table;

use super::samples::Samples;

/// How a column of values is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Values are seconds.
    Seconds,
    /// Values are seconds, shown in thousandths.
    Milliseconds,
    /// Values are bytes, shown in MiB.
    Mebibytes,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Seconds => format!("{value:.2} s"),
            Self::Milliseconds => format!("{:.2} ms", value * 1000.0),
            Self::Mebibytes => format!("{:.1} MiB", value / 1024.0 / 1024.0),
        }
    }
}

/// What the median should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// Nothing: others are compared with it.
    None,
    /// At most this, in the row's own measure.
    AtMost(f64),
    /// At most so many times another row's median.
    Ratio {
        /// The other median.
        to: f64,
        /// So many times.
        at_most: f64,
    },
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    title: &'static str,
    unit: Unit,
    samples: Samples,
    target: Target,
}

impl Row {
    pub(crate) fn new(title: &'static str, unit: Unit, samples: Samples, target: Target) -> Self {
        Self {
            title,
            unit,
            samples,
            target,
        }
    }

    fn cells(&self) -> [String; 8] {
        let show = |value| self.unit.show(value);
        let median = self.samples.median();
        let (ratio, target, verdict) = match self.target {
            Target::None => (String::new(), String::new(), String::new()),
            Target::AtMost(bar) => (
                format!("{:.2} of target", median / bar),
                format!("≤ {}", show(bar)),
                verdict(median, bar),
            ),
            Target::Ratio { to, at_most } => (
                format!("{:.2} of by hand", median / to),
                format!("≤ {at_most:.2}"),
                verdict(median / to, at_most),
            ),
        };
        [
            self.title.to_owned(),
            show(self.samples.min()),
            show(median),
            show(self.samples.max()),
            self.samples.count().to_string(),
            ratio,
            target,
            verdict,
        ]
    }
}

fn verdict(value: f64, bar: f64) -> String {
    if value <= bar { "met" } else { "missed" }.to_owned()
}

/// The whole table.
pub(crate) fn render(rows: &[Row]) -> String {
    let head = ["measured", "min", "median", "max", "runs", "ratio", "target", ""];
    let rows: Vec<[String; 8]> = rows.iter().map(Row::cells).collect();
    table::render(head, &rows, 1..5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[f64]) -> Samples {
        Samples::new(values.to_vec()).unwrap()
    }

    #[test]
    fn shows_ratios_and_verdicts() {
        let rows = [
            Row::new(
                "by hand",
                Unit::Seconds,
                samples(&[50.0, 40.0, 45.0]),
                Target::None,
            ),
            Row::new(
                "apply",
                Unit::Seconds,
                samples(&[49.5]),
                Target::Ratio {
                    to: 45.0,
                    at_most: 1.10,
                },
            ),
            Row::new(
                "handshake",
                Unit::Milliseconds,
                samples(&[0.004, 0.006]),
                Target::AtMost(0.004),
            ),
            Row::new(
                "memory",
                Unit::Mebibytes,
                samples(&[10.0 * 1024.0 * 1024.0]),
                Target::AtMost(20.0 * 1024.0 * 1024.0),
            ),
        ];
        let expected = "\
measured        min    median       max  runs  ratio            target
by hand     40.00 s   45.00 s   50.00 s     3
apply       49.50 s   49.50 s   49.50 s     1  1.10 of by hand  ≤ 1.10      met
handshake   4.00 ms   5.00 ms   6.00 ms     2  1.25 of target   ≤ 4.00 ms   missed
memory     10.0 MiB  10.0 MiB  10.0 MiB     1  0.50 of target   ≤ 20.0 MiB  met
";
        assert_eq!(render(&rows), expected);
    }
}
