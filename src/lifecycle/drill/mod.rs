//! Drills: every operation on hosts in memory, failed, killed, cancelled and repeated at every script.
//!
//! [`world`] is the truth (machines, clusters, the floating IP), [`answer`] what each script sees and does there,
//! [`detached`] what kubeadm does. [`operations`] are the provider's operations on it; the rest are the drills.
mod answer;
mod answer_cluster;
mod answer_host;
mod answer_loadbalancer;
mod answer_lock;
mod answer_network;
mod detached;
mod link;
mod operations;
mod overlap;
mod reply;
mod shell;
mod world;

mod clones;
mod closed_ports;
mod dead_hosts;
mod faults;
mod finished;
mod half_done;
mod leaving;
mod other_master;
mod setting_up;
mod silent_hosts;
mod titles;
mod two_runs;
mod ways;

use std::sync::Arc;

use crate::remote::{Target, Transport};

/// Ways to machines without a load balancer for tests of the provider: each by its address (10.0.0.11 and so on), by
/// `m11.example.net`, or by 192.0.2.11 as from behind a NAT.
pub(crate) async fn machines() -> impl Fn(&Target) -> Arc<dyn Transport> {
    let lab = link::Lab::new(operations::Operation::ApplyLoadbalancer.world_before().await);
    move |target| {
        let number: String = target
            .address
            .trim_start_matches("10.0.0.")
            .trim_start_matches("192.0.2.")
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        lab.transport(&format!("10.0.0.{number}"))
    }
}

/// Prints a drill's count also where the test harness keeps what passing tests print, which only holds macros back.
fn tell(count: &str) {
    use std::io::Write as _;

    let _ = std::io::stderr().write_all(format!("drill: {count}\n").as_bytes());
}
