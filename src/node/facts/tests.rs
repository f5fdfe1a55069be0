//! Tests: facts as hosts print them.
use super::*;

fn answers() -> Vec<(&'static str, i32, &'static str)> {
    vec![
        ("hostname", 0, "m1\n"),
        ("machine_id", 0, "0123456789abcdef0123456789abcdef\n"),
        (
            "os_release",
            0,
            "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        ),
        ("architecture", 0, "x86_64\n"),
        ("cpus", 0, "2\n"),
        ("memory", 0, "MemTotal:       24576000 kB\n"),
        (
            "swaps",
            0,
            "Filename Type Size Used Priority\n/dev/vda2 partition 1 0 -2\n",
        ),
        ("cgroup", 0, "tmpfs\n"),
        ("systemd", 0, ""),
        ("ip_forward", 0, "1\n"),
        (
            "addresses",
            0,
            "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n\
             2: eth0    inet 10.88.0.11/24 brd 10.88.0.255 scope global eth0\\       valid_lft forever\n\
             2: eth0    inet 10.88.0.100/32 scope global eth0\\       valid_lft forever\n\
             2: eth0@if9    inet6 fe80::1/64 scope link \\       valid_lft forever\n\
             3: tun0    inet 192.0.2.1 peer 192.0.2.2/32 scope global tun0\\       valid_lft forever\n",
        ),
        ("routes", 0, "default via 10.88.0.1 dev eth0 proto static \n"),
        ("kubeadm", 0, "v1.37.2\n"),
        ("kubelet", 0, "Kubernetes v1.36.3\n"),
        ("kubelet_unit", 1, ""),
        ("programs", 0, "kubeadm\ncurl\n"),
        ("runtimes", 0, "file /run/containerd/containerd.sock\n"),
        (
            "unix",
            0,
            "/run/containerd/containerd.sock\n/run/dbus/system_bus_socket\n",
        ),
        ("boot", 0, "1f8c\nnet:[4026531840]\n"),
        ("rights", 0, "0\n/var/lib\n"),
        ("etcd", 0, "/data/etcd\nlost+found\nmember\n"),
        (
            "tcp",
            0,
            "  sl  local_address rem_address   st tx_queue\n\
             \x20  0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000\n\
             \x20  1: 0B00580A:D431 0C00580A:0016 01 00000000:00000000 00:00000000\n\
             \x20  2: 00000000000000000000000000000000:192B 00000000000000000000000000000000:0000 0A 0\n",
        ),
        ("clock", 0, "1800000000\n"),
        ("user", 0, "ops:x:1000:1001:Ops,,,:/home/ops:/bin/bash\n"),
        ("files", 0, "/etc/kubernetes/admin.conf\n"),
        ("ca", 1, ""),
        ("marker", 0, "{}\n"),
    ]
}

#[test]
fn reads_a_host() {
    insta::assert_debug_snapshot!(Facts::parse(&Answers::from_sections(answers())).unwrap());
}

#[test]
fn names_the_answer_that_it_cannot_do_without() {
    let without = |key: &str| {
        let rest = answers().into_iter().filter(|(section, ..)| *section != key);
        Facts::parse(&Answers::from_sections(rest)).err()
    };
    for key in ["hostname", "architecture", "cpus", "memory", "clock"] {
        assert_eq!(without(key), Some(FactsError { key }));
    }
    for key in ["machine_id", "kubeadm", "addresses", "user", "marker", "files"] {
        assert_eq!(without(key), None);
    }
}

#[test]
fn this_machine_answers_every_question() {
    let body = sections(Query::new(), ETCD_FOLDER).script("facts").body.clone();
    let output = std::process::Command::new("sh")
        .args(["-c", &body])
        .output()
        .unwrap();
    let answers = Answers::parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
    let facts = Facts::parse(&answers).unwrap();
    assert!(
        facts.cpus > 0 && facts.memory_mib > 0 && facts.clock > 1_700_000_000,
        "{facts:?}"
    );
    assert!(facts.has_program("mount") && facts.has_program("cp"), "{facts:?}");
}
