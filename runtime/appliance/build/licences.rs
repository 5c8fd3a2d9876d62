//! Gathers the licences of everything that a program is built from: crates by Cargo's own reckoning, packages of the web UI by
//! the lock file. Only what is on this computer already is looked at; nothing is fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// Files with such names hold a licence or what has to be said with it.
const NAMES: [&str; 5] = ["LICEN", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE"];
/// No licence is longer.
const LIMIT: u64 = 256 << 10;

/// `{"components": [...], "notices": [...]}` of these crates of the workspace `root` and of the web UI's packages.
pub fn gather(root: &Path, crates: &[&str]) -> Value {
    let mut notices = Notices::default();
    let mut components = BTreeMap::new();
    for name in crates {
        for (key, component) in rust(root, name, &mut notices) {
            components.insert(key, component);
        }
    }
    components.extend(npm(&root.join("app-ui"), &mut notices));
    json!({ "components": components.into_values().collect::<Vec<_>>(), "notices": notices.texts })
}

type Found = Vec<((String, String, String), Value)>;

/// What one crate is linked with. A crate that cannot be reckoned offline is not being built either.
fn rust(root: &Path, name: &str, notices: &mut Notices) -> Found {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["tree", "--offline", "--locked", "--quiet", "--package", name, "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}\t{l}\t{r}"])
        .output();
    let Ok(output) = output else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let mut fields = line.trim_end_matches(" (*)").split('\t');
        let (Some(package), Some(licence), Some(page)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let mut words = package.split(' ');
        let (Some(name), Some(version), rest) = (words.next(), words.next(), words.next()) else { continue };
        let version = version.trim_start_matches('v');
        // Ours have a path behind the version.
        if rest.is_some_and(|rest| rest.starts_with("(/")) || !seen.insert((name.to_owned(), version.to_owned())) {
            continue;
        }
        let folder =
            sources().into_iter().map(|sources| sources.join(format!("{name}-{version}"))).find(|f| f.is_dir());
        let notice = folder.and_then(|folder| notices.of(&folder));
        let licence = licence.replace('/', " OR ").replace("  ", " ");
        found.push(component("rust", name, version, &licence, page.trim(), notice));
    }
    found
}

/// Where Cargo unpacks crates.
fn sources() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registries = home.and_then(|home| std::fs::read_dir(home.join("registry/src")).ok());
    registries.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// What the web UI's pages contain: its dependencies, and the framework they are compiled with.
fn npm(ui: &Path, notices: &mut Notices) -> Found {
    let read = |name: &str| -> Option<Value> { serde_json::from_slice(&std::fs::read(ui.join(name)).ok()?).ok() };
    let (Some(package), Some(lock)) = (read("package.json"), read("package-lock.json")) else { return Vec::new() };
    let names = |value: &Value| -> Vec<String> {
        value.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
    };
    let mut todo = names(&package["dependencies"]);
    todo.push("svelte".into());
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(name) = todo.pop() {
        let entry = &lock["packages"][format!("node_modules/{name}")];
        let (Some(version), true) = (entry["version"].as_str(), seen.insert(name.clone())) else { continue };
        todo.extend(names(&entry["dependencies"]));
        let folder = ui.join("node_modules").join(&name);
        let page = read(&format!("node_modules/{name}/package.json"))
            .and_then(|own| Some(own["homepage"].as_str()?.to_owned()))
            .unwrap_or_default();
        let licence = entry["license"].as_str().unwrap_or_default();
        found.push(component("npm", &name, version, licence, &page, notices.of(&folder)));
    }
    found
}

fn component(
    kind: &str,
    name: &str,
    version: &str,
    licence: &str,
    page: &str,
    notice: Option<usize>,
) -> ((String, String, String), Value) {
    let value = json!({
        "name": name, "version": version, "kind": kind, "licence": licence, "homepage": page, "notice": notice,
    });
    ((name.to_lowercase(), version.to_owned(), kind.to_owned()), value)
}

/// Each text once.
#[derive(Default)]
struct Notices {
    texts: Vec<String>,
    known: BTreeMap<String, usize>,
}

impl Notices {
    fn of(&mut self, folder: &Path) -> Option<usize> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .ok()?
            .flatten()
            .filter(|entry| {
                let name = entry.file_name().to_string_lossy().to_uppercase();
                let fits = entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LIMIT);
                fits && !name.ends_with(".RS") && NAMES.iter().any(|start| name.starts_with(start))
            })
            .map(|entry| entry.path())
            .collect();
        files.sort();
        let texts: Vec<String> = files
            .iter()
            .filter_map(|file| Some(String::from_utf8_lossy(&std::fs::read(file).ok()?).trim().to_owned()))
            .filter(|text| !text.is_empty())
            .collect();
        if texts.is_empty() {
            return None;
        }
        let text = texts.join("\n\n────────\n\n");
        Some(*self.known.entry(text.clone()).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        }))
    }
}
