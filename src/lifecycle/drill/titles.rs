//! Drill: what each operation does, step by step, as a table to read.
use std::{fmt::Write as _, sync::Arc};

use serde_json::Value;

use super::{link::Lab, operations::Operation};
use crate::lifecycle::engine::Progress;

#[tokio::test(start_paused = true)]
async fn operations_are_lists_of_steps() {
    let mut table = String::new();
    for operation in Operation::ALL {
        let log = tempfile::NamedTempFile::new().unwrap();
        let lab = Lab::new(operation.world_before().await);
        operation
            .run_logged(&lab, Arc::new(Progress::to_file(log.path()).unwrap()))
            .await
            .unwrap();
        let _ = writeln!(table, "{operation:?}");
        for line in std::fs::read_to_string(log.path()).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["event"] != "started" {
                let _ = writeln!(
                    table,
                    "  {:45} {}",
                    line["step"].as_str().unwrap(),
                    line["event"].as_str().unwrap()
                );
            }
        }
    }
    insta::assert_snapshot!(table);
}
