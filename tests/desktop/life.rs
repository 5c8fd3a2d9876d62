//! Windows through a day: opened, handed over to, closed, killed, and there again.

use std::process::Stdio;

use serde_json::json;

use crate::support::{Desktop, descendants, is_alive};

const PAGE: &str = "<!doctype html><title>x</title><script>fetch('/report',{method:'POST',body:'here'})</script>";

fn has(desktop: &Desktop, title: &str) -> bool {
    desktop.windows().iter().any(|window| window == title)
}

#[test]
fn a_grain_has_a_window_of_its_own_that_is_back_after_a_crash() {
    let mut desktop = Desktop::new();
    desktop.start(&[]);
    desktop.eventually("the main window is there", || has(&desktop, "Granary"));
    let grain = desktop.grain_of(PAGE);
    let report = desktop.data().join(format!("grains/{grain}/var/report"));
    desktop.call("POST", &format!("/grains/{grain}/window"), None).expect("the window is opened");
    desktop.eventually("the grain's window is there", || has(&desktop, "The page"));
    desktop.eventually("its page runs", || std::fs::read_to_string(&report).is_ok_and(|text| text.contains("here")));
    // Its title follows the grain's.
    let renamed = json!({ "title": "Another name" });
    desktop.call("PATCH", &format!("/grains/{grain}"), Some(&renamed)).expect("it is renamed");
    desktop.eventually("the title follows", || has(&desktop, "Another name"));
    // Asked for again, it is the same window.
    desktop.call("POST", &format!("/grains/{grain}/window"), None).unwrap();
    assert_eq!(desktop.windows().iter().filter(|title| *title == "Another name").count(), 1);
    desktop.eventually("it is remembered", || {
        desktop.call("GET", "/windows", None).is_some_and(|windows| windows.to_string().contains(&grain))
    });

    // Killed, it takes every process along: launcher, grains, the pages' own.
    let pid = desktop.pid();
    let below = descendants(pid);
    assert!(below.len() >= 4, "{below:?}");
    desktop.crash();
    desktop.eventually("every process is gone", || below.iter().all(|pid| !is_alive(*pid)));
    std::fs::remove_file(&report).unwrap();
    desktop.start(&[]);
    desktop.eventually("both windows are there again", || has(&desktop, "Granary") && has(&desktop, "Another name"));
    desktop.eventually("its page runs again", || std::fs::read_to_string(&report).is_ok());
}

#[test]
fn a_second_start_hands_over_what_it_was_given_and_nothing_acts_by_itself() {
    let mut desktop = Desktop::new();
    desktop.start(&[]);
    desktop.eventually("the main window is there", || has(&desktop, "Granary"));
    let before = desktop.call("GET", "/apps", None).unwrap();
    let file = desktop.folder.path().join("nothing.spk");
    std::fs::write(&file, "this is no package").unwrap();
    let mut second = desktop.command(env!("CARGO_BIN_EXE_granary-desktop"));
    second.args(["--data", desktop.data().to_str().unwrap(), file.to_str().unwrap()]);
    let ended = second.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(ended.success(), "the second start ends at once, and well");
    desktop.eventually("the file is being looked at", || {
        desktop
            .call("GET", "/installs", None)
            .is_some_and(|installs| installs.as_array().is_some_and(|all| all.len() == 1))
    });
    assert_eq!(desktop.call("GET", "/apps", None).unwrap(), before, "nothing was installed");
    assert_eq!(desktop.windows().iter().filter(|title| title.starts_with("Granary")).count(), 1);
}

#[test]
fn without_a_tray_the_last_window_does_not_close_in_silence() {
    let mut desktop = Desktop::new();
    desktop.start(&["--hidden"]);
    // There is no tray here to hide in.
    desktop.eventually("the window is there all the same", || has(&desktop, "Granary"));
    desktop.close_main();
    desktop.eventually("a dialog asks", || desktop.main_windows().len() == 2);
    assert!(!desktop.has_ended());
}
