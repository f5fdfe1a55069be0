//! Scripts about the host itself: facts, files, commands in the background, the load balancer.
use std::time::{SystemTime, UNIX_EPOCH};

use super::{
    detached,
    reply::{fails, says, whether},
    shell::{name_after, paths, word_after, words},
    world::{Machine, Operation, World},
};
use crate::{
    command::{Output, Script},
    lifecycle::host::released_members::RELEASED,
    node::{Answers, MARKER, facts::PROGRAMS},
};

const USER_CONFIG: &str = "/root/.kube/config";
const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";

pub(super) fn answer(world: &mut World, at: &str, script: &Script) -> Option<Output> {
    let body = script.body.as_str();
    let machine = world.machines.get_mut(at).unwrap();
    Some(match script.title {
        "reach host" => Output::default(),
        "read facts" => says(facts(world, at)),
        "read marker" => says(machine.files.get(MARKER).cloned().unwrap_or_default()),
        "read kubeadm's version" => says(version(at)),
        "start detached command" => {
            let name = name_after(body, "/operations/");
            if !machine.operations.contains_key(&name) {
                if machine.ending.remove(&name) && !body.contains("\nending || exit 1\n") {
                    return Some(fails(format!("Unit ha-{name}.service was already loaded")));
                }
                detached::begin(world, at, &name, &word_after(body, "printf '%s\\n' "));
            }
            says(state(world, at, &name))
        }
        "poll detached command" => {
            let name = name_after(body, "/operations/");
            if !body.contains("left=0 ") {
                detached::proceed(world, at, &name);
            }
            says(state(world, at, &name))
        }
        "forget detached command" => {
            let name = name_after(body, "/operations/");
            if matches!(machine.operations.get(&name), Some(Operation::Running(_))) {
                return Some(fails(format!("{name} still runs")));
            }
            machine.operations.remove(&name);
            Output::default()
        }
        "write kubeadm configuration" => {
            let text = word_after(body, "printf '%s' ");
            let path = body.rsplit(' ').next().unwrap().to_owned();
            machine.files.insert(path, text);
            Output::default()
        }
        "remove kubeadm configuration" => {
            remove_files(machine, body);
            Output::default()
        }
        "kubeadm config validate" => whether(machine.has(&word_after(body, "--config "))),
        "list missing images" => says(if machine.has_images {
            ""
        } else {
            "registry/pause:1\n"
        }),
        "look for credentials" => whether(paths(body).iter().all(|path| machine.has(path))),
        "write marker" => {
            machine
                .files
                .insert(MARKER.to_owned(), word_after(body, "printf '%s\\n' "));
            Output::default()
        }
        "record membership" => {
            machine
                .files
                .insert(MARKER.to_owned(), word_after(body, "printf '%s\\n' "));
            for rest in body.split("/operations/").skip(1) {
                machine.operations.remove(&name_after(rest, ""));
            }
            Output::default()
        }
        "forget the join credentials" => {
            remove_files(machine, body);
            machine
                .files
                .insert(MARKER.to_owned(), word_after(body, "printf '%s\\n' "));
            Output::default()
        }
        "look for Kubernetes" => {
            let list = body.split(';').next().unwrap();
            let found: Vec<String> = paths(list).into_iter().filter(|path| machine.has(path)).collect();
            says(found.join("\n"))
        }
        "note a released member" => {
            let name = word_after(body, "grep -qxF ");
            let note = machine.files.entry(RELEASED.to_owned()).or_default();
            if !note.lines().any(|line| line == name) {
                *note += &name;
                *note += "\n";
            }
            Output::default()
        }
        "read released members" => says(machine.files.get(RELEASED).cloned().unwrap_or_default()),
        "clean up after kubeadm reset" => {
            detached::remove_recursively(world, at, body);
            Output::default()
        }
        "write files" | "write the load balancer's files" => {
            let files = body.split("\ntell()").next().unwrap();
            for put in files.split("\nput ").skip(1) {
                let [path, _mode, content] = words(put).try_into().unwrap();
                machine.files.insert(path, content);
            }
            Output::default()
        }
        _ => return answer_look(machine, script.title).or_else(|| answer_kubeconfig(machine, script.title)),
    })
}

fn answer_look(machine: &mut Machine, title: &str) -> Option<Output> {
    Some(match title {
        "look at the machine's set-up" => {
            machine.setup_looks = machine.setup_looks.saturating_sub(1);
            says(Answers::from_sections(setup(machine)).render())
        }
        "read the kubelet's log" => says(machine.kubelet_log.clone()),
        _ => return None,
    })
}

/// What the script's first line removes.
fn remove_files(machine: &mut Machine, body: &str) {
    let (_, files) = body.lines().next().unwrap().split_once("rm -f ").unwrap();
    for path in files.split(' ') {
        machine.remove(path);
    }
}

fn answer_kubeconfig(machine: &mut Machine, title: &str) -> Option<Output> {
    Some(match title {
        "look for the user's kubeconfig" => says(if machine.has(USER_CONFIG) {
            "there"
        } else {
            "missing"
        }),
        "copy admin.conf" => match machine.files.get(ADMIN_CONF).cloned() {
            Some(text) => {
                machine.files.insert(USER_CONFIG.to_owned(), text);
                Output::default()
            }
            None => fails("no admin.conf"),
        },
        "remove the user's kubeconfig" => {
            if machine.has(ADMIN_CONF) && machine.files.get(ADMIN_CONF) == machine.files.get(USER_CONFIG) {
                machine.remove(USER_CONFIG);
            }
            Output::default()
        }
        _ => return None,
    })
}

fn version(at: &str) -> String {
    Answers::from_sections([("version", 0, "v1.37.2\n"), ("address", 0, at)]).render()
}

pub(super) fn state(world: &World, at: &str, name: &str) -> String {
    match world.machines[at].operations.get(name) {
        None => "unknown\n".to_owned(),
        Some(Operation::Running(_)) => "running\n".to_owned(),
        Some(Operation::Ended(status, output)) => format!("ended {status}\n{output}\n"),
    }
}

fn setup(machine: &Machine) -> Vec<(&'static str, i32, &'static str)> {
    if machine.setup_looks == 0 {
        return vec![("at_work", 0, "state running")];
    }
    vec![
        (
            "cloud_init",
            0,
            "{\"v1\": {\"stage\": \"modules-final\"}}\n----\n\n----\nactivating\n",
        ),
        (
            "at_work",
            0,
            "state starting\nlock 812 /var/lib/dpkg/lock-frontend apt-get\n",
        ),
    ]
}

/// As `ip -o addr show` says it. Each machine has a bridge for containers with the same address.
pub(super) fn addresses(at: &str) -> String {
    format!(
        "1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet {at}/24 scope global eth0\n\
         3: docker0    inet 172.17.0.1/16 scope global docker0\n"
    )
}

/// The kernel's boot id.
pub(super) fn boot(machine: &Machine) -> String {
    format!("{}-boot\n", machine.address)
}

fn facts(world: &World, at: &str) -> String {
    let machine = &world.machines[at];
    let (addresses, boot) = (addresses(at), boot(machine));
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .to_string();
    let files = [
        ADMIN_CONF,
        "/etc/kubernetes/kubelet.conf",
        "/etc/kubernetes/manifests/etcd.yaml",
        "/etc/kubernetes/manifests/kube-apiserver.yaml",
        "/etc/kubernetes/pki/ca.crt",
    ];
    let etcd = if machine.has("/var/lib/etcd/member") {
        "/var/lib/etcd\nmember\n"
    } else if machine.has("/var/lib/etcd/lost+found") {
        "/var/lib/etcd\nlost+found\n"
    } else {
        "/var/lib/etcd\n"
    };
    let files: Vec<&str> = files.into_iter().filter(|path| machine.has(path)).collect();
    let (files, programs) = (files.join("\n"), PROGRAMS.join("\n"));
    let file = |path: &str| machine.files.get(path).map_or((1, ""), |text| (0, text.as_str()));
    let (ca, marker) = (file("/etc/kubernetes/pki/ca.crt"), file(MARKER));
    let is_ready = machine.setup_looks == 0 && !machine.lacks_kubeadm;
    let installed = |text: &'static str| if is_ready { (0, text) } else { (127, "") };
    let (kubeadm, kubelet, unit) = (
        installed("v1.37.2"),
        installed("Kubernetes v1.37.2"),
        installed(""),
    );
    let sections = [
        ("hostname", 0, machine.name.as_str()),
        ("machine_id", 0, &machine.identity),
        ("boot", 0, &boot),
        ("architecture", 0, "x86_64"),
        ("cpus", 0, "4"),
        ("memory", 0, "MemTotal: 8388608 kB"),
        ("cgroup", 0, "cgroup2fs"),
        ("systemd", 0, ""),
        ("ip_forward", 0, "1"),
        ("addresses", 0, &addresses),
        ("routes", 0, "default via 10.0.0.1 dev eth0"),
        ("kubeadm", kubeadm.0, kubeadm.1),
        ("kubelet", kubelet.0, kubelet.1),
        ("kubelet_unit", unit.0, unit.1),
        (
            "programs",
            0,
            if is_ready { &programs } else { "mount\ncp\nip\n" },
        ),
        ("unix", 0, "/run/containerd/containerd.sock"),
        ("rights", 0, "0"),
        ("etcd", 0, etcd),
        ("clock", 0, &seconds),
        ("user", 0, "root:x:0:0:root:/root:/bin/sh"),
        ("files", 0, &files),
        ("ca", ca.0, ca.1),
        ("marker", marker.0, marker.1),
    ];
    Answers::from_sections(sections.into_iter().chain(setup(machine))).render()
}
