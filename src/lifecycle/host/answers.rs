//! The answers to a query, as an operation needs them.
use crate::{
    lifecycle::failure::{Failure, answer_not_understood},
    node::{Answers, query::ParseAnswersError},
    remote::Host,
};

/// Reads the answers to a query. What took too long is not "not there": a failure, unless it is one of `may_be_late`.
pub(crate) fn answers_of(host: &Host, stdout: &str, may_be_late: &[&str]) -> Result<Answers, Failure> {
    let answers = match Answers::parse(stdout) {
        Ok(answers) => answers,
        Err(error @ ParseAnswersError::Missing { .. }) => {
            return Err(Failure::new("A program is missing", error.to_string())
                .at("host")
                .on(host.name()));
        }
        Err(error) => return Err(answer_not_understood(host, &error)),
    };
    let late: Vec<&str> = answers
        .timed_out()
        .filter(|key| !may_be_late.contains(key))
        .collect();
    if late.is_empty() {
        return Ok(answers);
    }
    let detail = format!(
        "The host did not answer in time to: {}. So it is not known what it has.",
        late.join(", ")
    );
    Err(Failure::new("Host is too slow to answer", detail)
        .at("host")
        .on(host.name())
        .advise("Nothing was changed. Apply again when the host has less to do; look there for what keeps its processors or its disk busy, or for a file system that hangs."))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::remote::fake::FakeHost;

    #[test]
    fn what_took_too_long_is_not_taken_for_missing() {
        let host = Host::new("m1", Arc::new(FakeHost::new("m1")));
        let late = Answers::from_sections([("kubeadm", 124, ""), ("clock", 0, "1")]).render();
        let failure = answers_of(&host, &late, &[]).unwrap_err();
        assert_eq!(failure.summary, "Host is too slow to answer");
        assert!(failure.detail.contains("in time to: kubeadm."), "{failure}");
        assert!(answers_of(&host, &late, &["kubeadm"]).is_ok());
        let failure = answers_of(&host, "missing base64\n", &[]).unwrap_err();
        assert_eq!(failure.summary, "A program is missing");
        assert!(failure.detail.contains("`base64`"), "{failure}");
    }
}
