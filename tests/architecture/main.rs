//! Which folder of the core may use which other one, and that no two files use each other.
//!
//! The order is that of `docs/adr/0025-a-workspace-and-its-arrows.md`. A path counts wherever it stands: in a `use`, in
//! a signature or in a body, from `crate`, `super` or `self`. A name that a module passes on with `pub use` counts as a
//! use of the file that defines it. Test code is free.

mod paths;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use paths::{Module, read};

/// The folders and single files of the core, from the top down: each may use those of later rows, and no other.
const ORDER: [&[&str]; 14] = [
    &["client"],
    &["lifetime"],
    &["watch"],
    &["lifecycle"],
    &["cluster"],
    &["platform"],
    &["manifests", "origins"],
    &["compare"],
    &["config"],
    &["metrics"],
    &["status", "scheduling"],
    &["identity", "resources"],
    &["panic", "swallowed"],
    &["error", "text"],
];

/// The same for the local cluster.
const LOCAL_ORDER: [&[&str]; 9] = [
    &["fake"],
    &["owner"],
    &["cluster"],
    &["node"],
    &["controllers"],
    &["watches"],
    &["script"],
    &["api_server"],
    &["actual_ports", "clock"],
];

/// That one file uses another one, and where it says so.
struct Arrow<'a> {
    from: &'a Module,
    to: &'a Module,
    line: usize,
}

/// The sources by their paths below the root of a crate.
type Sources = BTreeMap<String, String>;

/// The arrows between files.
fn arrows(modules: &[Module]) -> Vec<Arrow<'_>> {
    let by_path: BTreeMap<&[String], &Module> = modules.iter().map(|module| (module.path.as_slice(), module)).collect();
    let mut arrows = Vec::new();
    for from in modules {
        for (path, line) in &from.uses {
            if let Some(to) = defining(&by_path, from, path)
                && to.path != from.path
                && !to.path.is_empty()
            {
                arrows.push(Arrow { from, to, line: *line });
            }
        }
    }
    arrows
}

/// The module whose file defines what a path leads to; `None` for a path out of the crate.
fn defining<'a>(by_path: &BTreeMap<&[String], &'a Module>, from: &Module, path: &[String]) -> Option<&'a Module> {
    let mut target = from.absolute(path, |candidate| by_path.contains_key(candidate))?;
    // A name may be passed on more than once.
    for _ in 0..5 {
        let length = (0..=target.len())
            .rev()
            .find(|end| by_path.contains_key(&target[..*end]))?;
        let module = by_path[&target[..length]];
        let passed_on = target.get(length).and_then(|name| module.passes_on.get(name));
        let Some(passed_on) = passed_on else {
            return Some(module);
        };
        let passed_on = module.absolute(passed_on, |candidate| by_path.contains_key(candidate))?;
        target = passed_on.into_iter().chain(target.drain(length + 1..)).collect();
    }
    None
}

/// What is wrong with the arrows, a sentence for each.
fn faults(sources: &Sources, order: &[&[&str]]) -> Vec<String> {
    let modules: Vec<Module> = sources.iter().filter_map(|(file, text)| read(file, text)).collect();
    let arrows = arrows(&modules);
    let row = |folder: &str| order.iter().position(|row| row.contains(&folder));
    let mut faults = BTreeSet::new();
    for folder in modules.iter().filter_map(|module| module.path.first()) {
        if !order.is_empty() && row(folder).is_none() {
            faults.insert(format!("{folder}: the order does not have it"));
        }
    }
    for Arrow { from, to, line } in &arrows {
        let place = format!("{}:{line}", from.file);
        let (of, other) = (from.path.first(), to.path.first());
        if let (Some(of), Some(other)) = (of, other)
            && of != other
            && !order.is_empty()
            && row(of) >= row(other)
        {
            faults.insert(format!("{place}: {of} may not use {other}, which {} has", to.file));
        }
        if reaches(&arrows, to, from) {
            faults.insert(format!("{place}: a circle, since {} uses this file in turn", to.file));
        }
    }
    faults.into_iter().collect()
}

/// Whether a chain of arrows leads from one file to another.
fn reaches(arrows: &[Arrow<'_>], start: &Module, end: &Module) -> bool {
    let mut seen = BTreeSet::from([&start.file]);
    let mut next = vec![start];
    while let Some(at) = next.pop() {
        if at.file == end.file {
            return true;
        }
        for arrow in arrows.iter().filter(|arrow| arrow.from.file == at.file) {
            if seen.insert(&arrow.to.file) {
                next.push(arrow.to);
            }
        }
    }
    false
}

/// All sources below a folder of the project.
fn sources(root: &str) -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut sources = Sources::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).expect("below the root").to_string_lossy();
                sources.insert(name.replace('\\', "/"), std::fs::read_to_string(&path).expect("text"));
            }
        }
    }
    assert!(sources.contains_key("lib.rs"), "{}", root.display());
    sources
}

#[test]
fn the_arrows_of_the_core_point_one_way() {
    let faults = faults(&sources("src"), &ORDER);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn no_two_files_of_the_python_extension_use_each_other() {
    let faults = faults(&sources("crates/python/src"), &[]);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_folders_of_the_local_cluster_point_one_way() {
    let mut faults = faults(&sources("crates/local/src"), &LOCAL_ORDER);
    // Within a folder, files share the state that they are about.
    faults.retain(|fault| !fault.contains("a circle"));
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The faults of a crate of these files, in which `high` may use `low`.
fn faults_of(files: &[(&str, &str)]) -> Vec<String> {
    let sources = files
        .iter()
        .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
    faults(&sources.collect(), &[&["high"], &["low"]])
}

#[test]
fn an_arrow_down_is_fine() {
    let high = "use std::fmt;\nuse crate::low::{self, one::{One, Two}};\nfn f() -> One { low::two() }";
    assert!(faults_of(&[("high.rs", high), ("low/mod.rs", "pub mod one;"), ("low/one.rs", "")]).is_empty());
}

#[test]
fn an_arrow_up_is_found_with_its_file_and_line_however_it_is_written() {
    for text in [
        "use crate::high::Thing;",
        "pub use crate::{\n    high::Thing, low};",
        "use super::super::high::{self, Thing};",
        "fn f() -> crate::high::Thing {}",
        "/// In a comment.\nfn f() { \"crate::low\"; super::super::high::thing() }",
        "fn f() { let c = '\"'; super::super::high::thing() }",
    ] {
        let line = text.lines().position(|line| line.contains("high")).expect("a line") + 1;
        let faults = faults_of(&[("high.rs", ""), ("low/mod.rs", "mod one;"), ("low/one.rs", text)]);
        let expected = format!("low/one.rs:{line}: low may not use high, which high.rs has");
        assert_eq!(faults, [expected], "{text}");
    }
}

#[test]
fn imports_in_tests_and_comments_do_not_count() {
    let text = "//! See [`crate::high`].\n/* crate::high */\n#[cfg(test)]\nmod tests {\n    use crate::high;\n}\n";
    let files = [
        ("high.rs", ""),
        ("low/mod.rs", text),
        ("low/tests.rs", "use crate::high;"),
    ];
    assert!(faults_of(&files).is_empty());
}

#[test]
fn a_circle_is_found_also_inside_of_a_folder_and_through_what_is_passed_on() {
    let files = [
        ("low/mod.rs", "mod one;\nmod two;\npub use one::One;\npub use two::Two;"),
        ("low/one.rs", "use super::Two;"),
        ("low/two.rs", "use std::fmt;\nuse super::One;"),
    ];
    let expected = [
        "low/one.rs:1: a circle, since low/two.rs uses this file in turn",
        "low/two.rs:2: a circle, since low/one.rs uses this file in turn",
    ];
    assert_eq!(faults_of(&files), expected);
}

#[test]
fn a_folder_that_the_order_does_not_have_is_a_fault() {
    assert_eq!(faults_of(&[("new.rs", "")]), ["new: the order does not have it"]);
}
