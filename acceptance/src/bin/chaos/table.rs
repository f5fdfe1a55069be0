//! The table that `make chaos` prints.
use std::time::Duration;

use acceptance::outages::Outages;
use acceptance::table;

use super::plan::Round;
use super::probe::quorum::Verdict;
use super::round::Report;

const HEAD: [&str; 12] = [
    "round",
    "from",
    "operation",
    "fault",
    "moment",
    "outcome",
    "applies",
    "API out",
    "quorum",
    "workload",
    "secrets",
    "took",
];

/// One line of the table.
pub(crate) fn cells(round: &Round, report: &Report) -> [String; 12] {
    let from = round
        .start
        .as_ref()
        .map_or_else(|| "-".to_owned(), ToString::to_string);
    let moment = if report.struck {
        round.moment.to_string()
    } else {
        format!("{} (over before)", round.moment)
    };
    let (outcome, applies) = match &report.converged {
        Ok(applies) => (format!("{}, converged", report.outcome), applies.to_string()),
        Err(_) => (format!("{}, NOT CONVERGED", report.outcome), "-".to_owned()),
    };
    let quorum = match report.quorum {
        Verdict::Absent => "-".to_owned(),
        Verdict::Kept => "kept".to_owned(),
        Verdict::LostToFault(time) => format!("fault, {}", seconds(time)),
        Verdict::LostToTerraform(time) => format!("LOST {}", seconds(time)),
    };
    let secrets = if report.secrets.is_ok() { "none" } else { "FOUND" };
    [
        round.number.to_string(),
        from,
        round.operation.to_string(),
        round.fault.to_string(),
        moment,
        outcome,
        applies,
        outage(report.api.as_ref()),
        quorum,
        outage(report.workload.as_ref()),
        secrets.to_owned(),
        seconds(report.took),
    ]
}

fn outage(outages: Option<&Outages>) -> String {
    let Some(outages) = outages else {
        return "-".to_owned();
    };
    let (total, longest) = (outages.total(), outages.longest());
    let total_text = format!("{:.1} s", total.as_secs_f64());
    if total.is_zero() {
        "0 s".to_owned()
    } else if total == longest {
        total_text
    } else {
        format!("{total_text} (≤ {:.1})", longest.as_secs_f64())
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

/// The whole table.
pub(crate) fn render(rows: &[[String; 12]]) -> String {
    table::render(HEAD, rows, 0..0)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let row = |word: &str| std::array::from_fn(|_| word.to_owned());
        let text = render(&[row("1"), row("a long word")]);
        let starts: Vec<Option<usize>> = text
            .lines()
            .skip(1)
            .map(|line| line[2..].find(['1', 'a']))
            .collect();
        assert_eq!(starts[0], starts[1]);
        assert!(text.starts_with("round"), "{text}");
    }

    #[test]
    fn outages_tell_the_longest_of_several() {
        let of = |text: &str| {
            let start = Instant::now();
            let samples = text
                .bytes()
                .zip(0..)
                .map(|(byte, second)| (start + Duration::from_secs(second), byte == b'+'));
            outage(Outages::of(&samples.collect::<Vec<_>>()).as_ref())
        };
        assert_eq!(of("++"), "0 s");
        assert_eq!(of("+-+"), "2.0 s");
        assert_eq!(of("+-+--+"), "5.0 s (≤ 3.0)");
        assert_eq!(of("--"), "-");
    }
}
