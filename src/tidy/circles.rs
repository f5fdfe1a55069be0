//! No circle of files, nor of rooms.
//!
//! Each folder is judged by itself. Its members are its files and its rooms, that is the folders in it; an import counts
//! between the members that its two ends lie in, so what happens inside a room is that room's own affair. A `mod.rs` is a
//! member like the others, for the items it has itself; what it only hands on belongs to the file that has it
//! ([`modules`](super::modules)).
//!
//! Code under `#[cfg(test)]` in a file is left out: a test may use whatever it tests with. Files that are compiled for
//! tests only are judged too, but only among themselves.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    modules::{Import, Modules, OURS, place},
    sources::sources,
};

/// Circles that are still there: the folder, and its members that form one. Nothing is added here; a line that is true
/// no more must go.
const KNOWN: [(&str, &[&str]); 0] = [];

/// Members of one folder that reach each other, with an import for each arrow.
#[derive(Debug)]
struct Circle {
    folder: String,
    members: BTreeSet<String>,
    arrows: Vec<String>,
}

fn circles(modules: &Modules) -> Vec<Circle> {
    let test_files = modules.test_files();
    let is_test = |file: &str| test_files.contains(file);
    let (mut code, mut tests) = (Folders::new(), Folders::new());
    for import in modules.imports() {
        if is_test(&import.from) {
            if is_test(&import.to) {
                add(&mut tests, &import);
            }
        } else if !import.in_tests_only {
            add(&mut code, &import);
        }
    }
    [code, tests].iter().flatten().flat_map(circles_in).collect()
}

/// For each folder: which member imports which, and where.
type Folders = BTreeMap<String, Arrows>;
type Arrows = BTreeMap<(String, String), String>;

fn add(folders: &mut Folders, import: &Import) {
    let (from, to) = (place(&import.from), place(&import.to));
    let shared = from
        .iter()
        .zip(&to)
        .take_while(|(one, other)| one == other)
        .count();
    let (Some(one), Some(other)) = (from.get(shared), to.get(shared)) else {
        return;
    };
    let folder = folders.entry(from[..shared].join("/")).or_default();
    folder
        .entry((one.clone(), other.clone()))
        .or_insert_with(|| format!("{}:{} imports {}", import.from, import.line, import.to));
}

fn circles_in((folder, arrows): (&String, &Arrows)) -> Vec<Circle> {
    let mut reach: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in arrows.keys() {
        reach.entry(from).or_default().insert(to);
    }
    loop {
        let longer: BTreeMap<&str, BTreeSet<&str>> = reach
            .iter()
            .map(|(from, to)| {
                let further = to.iter().filter_map(|next| reach.get(next)).flatten();
                (*from, to.iter().chain(further).copied().collect())
            })
            .collect();
        if longer == reach {
            break;
        }
        reach = longer;
    }
    let reaches = |from: &str, to: &str| reach.get(from).is_some_and(|all| all.contains(to));
    let groups: BTreeSet<BTreeSet<&str>> = reach
        .keys()
        .filter(|member| reaches(member, member))
        .map(|member| {
            let back = |other: &&&str| reaches(other, member);
            reach[member].iter().filter(back).copied().collect()
        })
        .collect();
    groups
        .into_iter()
        .map(|members| {
            let inside = |(from, to): &(String, String)| {
                members.contains(from.as_str()) && members.contains(to.as_str())
            };
            let arrows = arrows.iter().filter(|(ends, _)| inside(ends));
            Circle {
                folder: folder.clone(),
                arrows: arrows.map(|(_, shown)| shown.clone()).collect(),
                members: members.into_iter().map(str::to_owned).collect(),
            }
        })
        .collect()
}

#[test]
fn there_is_no_circle_but_the_known_ones() {
    let found = circles(&OURS);
    let is_known = |circle: &Circle, (folder, members): &(&str, &[&str])| {
        circle.folder == *folder
            && circle
                .members
                .iter()
                .map(String::as_str)
                .eq(members.iter().copied())
    };
    let new = found
        .iter()
        .filter(|circle| !KNOWN.iter().any(|known| is_known(circle, known)))
        .map(|circle| {
            let Circle {
                folder,
                members,
                arrows,
            } = circle;
            format!("a circle in {folder:?}: {members:?}\n  {}", arrows.join("\n  "))
        });
    let gone = KNOWN
        .iter()
        .filter(|known| !found.iter().any(|circle| is_known(circle, known)))
        .map(|(folder, members)| format!("not there any more, take it out of KNOWN: {folder:?} {members:?}"));
    let wrong: Vec<String> = gone.chain(new).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_circle_is_found_between_files_and_between_rooms() {
    let shown = |files: &[(&str, &str)]| -> Vec<String> {
        let found = circles(&Modules::of(&sources(files)));
        let circles = found.iter();
        circles
            .map(|circle| {
                let members: Vec<&str> = circle.members.iter().map(String::as_str).collect();
                format!(
                    "{}: {} by {}",
                    circle.folder,
                    members.join(" "),
                    circle.arrows.len()
                )
            })
            .collect()
    };
    let lib = ("src/lib.rs", "mod a; mod b; mod c;");
    let facade = (
        "src/a/mod.rs",
        "mod one; mod two; pub use one::One; #[cfg(test)] mod tests;",
    );
    let tests = ("src/a/tests.rs", "use super::One; use crate::b::B;");
    let one = ("src/a/one.rs", "pub struct One;");
    let uses_one = ("src/a/two.rs", "use super::One;");
    let (b, c) = (("src/b.rs", "pub struct B;"), ("src/c.rs", "pub struct C;"));
    let none: [&str; 0] = [];

    assert_eq!(shown(&[lib, facade, tests, one, uses_one, b, c]), none);
    // Two files, by the name that the facade hands on.
    let uses_two = ("src/a/one.rs", "pub struct One; fn f() { super::two::g() }");
    assert_eq!(
        shown(&[lib, facade, tests, uses_two, uses_one, b, c]),
        ["a: one two by 2"]
    );
    // The facade's own items.
    let own = (
        "src/a/mod.rs",
        "mod one; mod two; pub struct Own; fn f() { one::g() }",
    );
    let uses_own = ("src/a/one.rs", "use super::Own;");
    assert_eq!(
        shown(&[lib, own, uses_own, ("src/a/two.rs", ""), b, c]),
        ["a: mod one by 2"]
    );
    // Two rooms, through different files of the one and through a third room.
    let uses_b = ("src/a/two.rs", "use crate::b::B;");
    let uses_c = ("src/b.rs", "use crate::c::C; pub struct B;");
    let uses_a = ("src/c.rs", "fn f() { vec![crate::a::One] } pub struct C;");
    assert_eq!(
        shown(&[lib, facade, tests, one, uses_b, uses_c, uses_a]),
        [": a b c by 3"]
    );
    // Tests may use what they like; files of tests are judged among themselves.
    let tested = (
        "src/a/one.rs",
        "pub struct One; #[cfg(test)] mod tests { use super::super::two::Two; }",
    );
    assert_eq!(shown(&[lib, facade, tests, tested, uses_one, b, c]), none);
    let facade = ("src/a/mod.rs", "#[cfg(test)] mod one; #[cfg(test)] mod two;");
    let (one, two) = (
        ("src/a/one.rs", "use super::two::A;"),
        ("src/a/two.rs", "use super::one::B;"),
    );
    assert_eq!(shown(&[lib, facade, one, two, b, c]), ["a: one two by 2"]);
}
