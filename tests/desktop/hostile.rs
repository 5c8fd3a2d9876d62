//! A page that tries every way out, in the window that ships; the witnesses decide. And the same page without protection.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Desktop, start};

/// The witness's address, see inside.sh.
const OUTSIDE: &str = "10.99.0.1";

fn source(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/desktop").join(name)
}

/// Runs `program` in a network where the witness is all there is.
fn inside(desktop: &Desktop, program: &str) -> Command {
    let mut command = desktop.command("unshare");
    // An ordinary user becomes the root of a namespace of their own for that.
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--mount"]).arg(source("inside.sh")).arg(source("witness.py"));
    command.arg(log(desktop)).arg(desktop.folder.path()).arg(program);
    command
}

fn log(desktop: &Desktop) -> PathBuf {
    desktop.folder.path().join("witness")
}

fn witnessed(desktop: &Desktop) -> Vec<String> {
    let text = std::fs::read_to_string(log(desktop)).expect("the witness writes");
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.first().map(String::as_str), Some("ready"), "the witness is awake from the beginning");
    lines
}

fn page(sibling: &str) -> String {
    let page = std::fs::read_to_string(source("hostile.html")).unwrap();
    page.replace("OUTSIDE", OUTSIDE).replace("SIBLING", sibling)
}

#[test]
fn nothing_of_a_hostile_page_gets_out_of_its_window() {
    let mut desktop = Desktop::new();
    let mut command = inside(&desktop, env!("CARGO_BIN_EXE_granary-desktop"));
    command.args(desktop.arguments());
    desktop.run(command);
    desktop.eventually("the main window is there", || desktop.windows().iter().any(|title| title == "Granary"));
    // Another grain, open in the appliance, whose host the page is told.
    let notes = desktop.call("GET", "/apps", None).unwrap();
    let notes =
        notes.as_array().unwrap().iter().find(|app| app["title"] == "Notes").expect("the starter apps are there");
    let other = desktop.new_grain(notes["appId"].as_str().unwrap());
    let session = desktop.call("POST", &format!("/grains/{other}/session"), None).unwrap();
    let grain = desktop.grain_of(&page(session["url"].as_str().unwrap()));
    desktop.call("POST", &format!("/grains/{grain}/window"), None).expect("the window is opened");
    let report = desktop.data().join(format!("grains/{grain}/var/report"));
    let reported = || std::fs::read_to_string(&report).unwrap_or_default();
    desktop.eventually("the page has tried everything", || reported().contains("end {"));
    // Its last tries take the page away, or do not; either way a little later all is over.
    desktop.eventually("the last tries are made", || reported().contains("gone") || !is_shown(&desktop));

    let reached: Vec<_> = witnessed(&desktop).into_iter().filter(|line| line != "ready").collect();
    assert!(reached.is_empty(), "these got out: {reached:#?}");
    let end = reported();
    let end = end.lines().find_map(|line| line.strip_prefix("end ")).unwrap();
    let end: serde_json::Value = serde_json::from_str(end).unwrap();
    assert!(end["count"].as_u64().unwrap() > 120, "{end}");
    assert_eq!(end["reached"], serde_json::json!([]), "the page itself saw something");
}

fn is_shown(desktop: &Desktop) -> bool {
    desktop.windows().iter().any(|title| title == "The page")
}

#[test]
fn the_same_page_without_protection_gets_out() {
    let desktop = Desktop::new();
    std::fs::write(desktop.folder.path().join("index.html"), page("")).unwrap();
    let example = PathBuf::from(env!("CARGO_BIN_EXE_granary-desktop")).with_file_name("examples/unconfined");
    assert!(example.is_file(), "{} is missing: run `cargo build -p granary-desktop --examples`", example.display());
    let mut command = inside(&desktop, example.to_str().unwrap());
    let mut view = start(command.arg(format!("http://{OUTSIDE}:8088/index.html")));
    desktop.eventually("the witness is awake", || {
        assert!(view.0.try_wait().unwrap().is_none(), "the control ended early");
        std::fs::read_to_string(log(&desktop)).is_ok_and(|text| text.starts_with("ready\n"))
    });
    desktop.eventually("names and connections get out", || {
        let seen = witnessed(&desktop);
        let names = seen.iter().filter(|line| line.starts_with("name ")).count();
        let connections = seen.iter().filter(|line| line.starts_with("connection ")).count();
        // Among them names that are only looked up ahead of need, the hardest to keep in.
        names > 30 && connections > 30 && seen.iter().any(|line| line.starts_with("name dns-"))
    });
}
