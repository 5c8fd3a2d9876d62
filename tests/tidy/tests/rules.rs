//! ARCHITECTURE.md's invariants and the house rules, checked against the sources and against cargo's own metadata.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace root").to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()
        .expect("cargo metadata")
}

/// Every file below `dir` with one of these endings, without build output.
fn files(dir: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a readable folder") {
        let path = entry.expect("a folder entry").path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            if !["target", "node_modules", "dist", ".git", "corpus"].contains(&name.as_str()) {
                files(&path, endings, found);
            }
        } else if endings.iter().any(|e| name.ends_with(e)) {
            found.push(path);
        }
    }
}

fn sources(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root(), endings, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no files ending in {endings:?}");
    found
}

#[test]
fn top_level_is_the_architectures() {
    let allowed: BTreeSet<&str> = [
        "Cargo.toml",
        "Cargo.lock",
        "src-tauri",
        "app-ui",
        "runtime",
        "schemas",
        "icons",
        "tests",
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "target",
    ]
    .into();
    let strangers: Vec<String> = fs::read_dir(root())
        .expect("the root")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|n| !n.starts_with('.') && !allowed.contains(n.as_str()))
        .collect();
    assert!(strangers.is_empty(), "the top level is fixed; these do not belong there: {strangers:?}");
}

#[test]
fn every_rust_file_opens_with_its_purpose() {
    let bare: Vec<PathBuf> = sources(&[".rs"])
        .into_iter()
        .filter(|p| !fs::read_to_string(p).expect("text").trim_start().starts_with("//!"))
        .collect();
    assert!(bare.is_empty(), "these files do not open with a `//!` sentence: {bare:#?}");
}

#[test]
fn every_test_runs() {
    let skipped: Vec<String> = sources(&[".rs", ".ts", ".mjs"])
        .into_iter()
        .flat_map(|p| {
            let text = fs::read_to_string(&p).expect("text");
            ["#[ignore", "#[should_panic", "test.skip(", "it.skip(", "test.only(", "it.only("]
                .iter()
                .filter(|needle| !p.ends_with("tidy/tests/rules.rs") && text.contains(**needle))
                .map(|needle| format!("{}: {needle}", p.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(skipped.is_empty(), "{skipped:#?}");
}

/// Crate → crates of ours it may depend on (build and normal dependencies). ARCHITECTURE.md says why.
const MAY_DEPEND: &[(&str, &[&str])] = &[
    ("granary-wire", &[]),
    ("granary-package", &["granary-wire"]),
    ("granary-sandbox", &[]),
    ("granary-launcher", &["granary-sandbox"]),
    ("granary-grain", &["granary-wire", "granary-sandbox"]),
    ("granary-gateway", &["granary-wire"]),
    ("granary-store", &[]),
    (
        "granary-appliance",
        &["granary-wire", "granary-package", "granary-sandbox", "granary-grain", "granary-gateway", "granary-store"],
    ),
    ("granary", &["granary-appliance", "granary-gateway", "granary-package", "granary-sandbox"]),
    ("granary-desktop", &["granary-appliance", "granary-gateway"]),
    ("granary-http-bridge", &["granary-wire"]),
    ("granary-notes", &["granary-wire", "granary-app"]),
    ("granary-files", &["granary-wire", "granary-app"]),
    ("granary-app", &["granary-wire"]),
];

#[test]
fn crates_depend_downwards_only() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = MAY_DEPEND.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let runtime = package.manifest_path.starts_with(root().join("runtime").to_str().expect("a UTF-8 path"));
        let Some(may) = allowed.get(name) else {
            assert!(!runtime, "{name} is not in the table of allowed dependencies");
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
            if dependency.path.is_some() && !may.contains(&dependency.name.as_str()) {
                wrong.push(format!("{name} must not depend on {}", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_sandbox_does_not_know_capnproto_and_the_runtime_does_not_know_a_gui() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
            let (name, on) = (package.name.as_str(), dependency.name.as_str());
            if ["granary-sandbox", "granary-launcher", "granary-store"].contains(&name) && on.starts_with("capnp") {
                wrong.push(format!("{name} knows Cap'n Proto through {on}"));
            }
            if package.manifest_path.as_str().contains("/runtime/")
                && ["tauri", "gtk", "wry", "tao", "webkit2gtk"].contains(&on)
            {
                wrong.push(format!("{name} knows a GUI through {on}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_below_runtime_reaches_a_gui_by_any_way() {
    let metadata = metadata();
    let graph = metadata.resolve.as_ref().expect("a dependency graph");
    let nodes: BTreeMap<_, _> = graph.nodes.iter().map(|node| (&node.id, node)).collect();
    let names: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    for package in metadata.workspace_packages() {
        if !package.manifest_path.as_str().contains("/runtime/") {
            continue;
        }
        let (mut seen, mut left) = (BTreeSet::new(), vec![&package.id]);
        while let Some(id) = left.pop() {
            if !seen.insert(id) {
                continue;
            }
            let name = names[id];
            assert!(
                !["tauri", "gtk", "gdk", "wry", "tao", "webkit2gtk", "glib-sys", "tray-icon", "muda"].contains(&name),
                "{} reaches {name}",
                package.name
            );
            left.extend(nodes[id].deps.iter().map(|dependency| &dependency.pkg));
        }
    }
}

/// Licences a dependency may carry (each alternative of an `OR` counts).
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "bzip2-1.0.6",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn licences_of_dependencies_are_on_the_list() {
    let mut wrong = Vec::new();
    for package in &metadata().packages {
        let licence = package.license.clone().unwrap_or_default().replace('/', " OR ");
        let accepted = licence.split(" AND ").all(|all_of| {
            all_of
                .trim_matches(|c| c == '(' || c == ')')
                .split(" OR ")
                .any(|one| LICENCES.contains(&one.trim().trim_matches(|c| c == '(' || c == ')')))
        });
        if !accepted {
            wrong.push(format!("{} {}: {licence:?}", package.name, package.version));
        }
    }
    assert!(wrong.is_empty(), "licences not on the list: {wrong:#?}");
}

#[test]
fn architecture_md_names_every_crate() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let missing: Vec<String> = metadata()
        .workspace_packages()
        .iter()
        .map(|p| {
            let dir = p.manifest_path.parent().expect("a folder");
            dir.strip_prefix(root().to_str().expect("UTF-8")).expect("inside the root").to_string()
        })
        .filter(|dir| !map.contains(&format!("`{dir}`")) && !map.contains(&format!("`{dir}/`")))
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md has no room for {missing:?}");
}
