//! What the command line says when it cannot do what it is asked: exit codes, words, and nothing left behind.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::sys::signal::Signal;
use support::{Granary, Packs, Server};

#[test]
fn without_a_running_appliance() {
    let granary = Granary::new();
    for arguments in [
        &["apps"] as &[&str],
        &["grains"],
        &["install", "/dev/null/x"],
        &["install", "http://127.0.0.1:1/x.spk"],
        &["new", "App"],
        &["open"],
        &["open", "Grain"],
        &["url", "Grain"],
        &["stop", "Grain"],
        &["log", "Grain", "-f"],
        &["rename", "Grain", "Title"],
        &["delete", "Grain"],
        &["uninstall", "App"],
        &["settings"],
    ] {
        let ended = granary.run(arguments);
        if arguments[1..].first().is_some_and(|first| first.starts_with("/dev")) {
            assert_eq!(ended.code, 1, "{ended:#?}");
            continue;
        }
        let start = format!("granary serve --data {}", granary.data().display());
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{arguments:?}: {ended:#?}");
        assert!(ended.stderr.contains("not running") && ended.stderr.contains(&start), "{arguments:?}: {ended:#?}");
    }
    assert!(!granary.data().exists(), "asking makes no data folder");
    // These need none.
    let document: serde_json::Value = serde_json::from_str(&granary.ok(&["openapi"])).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let doctor = granary.run(&["doctor", "--json"]);
    let entries: serde_json::Value = serde_json::from_str(&doctor.stdout).unwrap();
    assert!(entries.as_array().unwrap().iter().all(|entry| entry["code"].is_string() && entry["ok"].is_boolean()));
}

#[test]
fn what_was_typed_is_wrong() {
    let granary = Granary::new();
    for arguments in [
        &["frobnicate"] as &[&str],
        &["serve", "--port", "70000"],
        &["new"],
        &["new", "App", "--action", "x"],
        &["rename", "Grain"],
        &["install"],
        &["url"],
    ] {
        let ended = granary.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments:?}: {ended:#?}");
        assert!(ended.stderr.contains("--help"), "{arguments:?}: {ended:#?}");
    }
    assert_eq!(granary.run(&["--version"]).code, 0);
    assert!(granary.ok(&["--help"]).contains("Exit codes: 0 done, 1 failed, 2 refused as invalid."));
}

#[test]
fn the_data_folder_may_stand_before_or_after_the_command() {
    let granary = Granary::started();
    let data = granary.data();
    let data = data.to_str().unwrap();
    for arguments in [&["--data", data, "apps", "--json"] as &[&str], &["--json", "apps", "--data", data]] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_granary")).args(arguments).output().unwrap();
        // Also without the XDG_RUNTIME_DIR that the appliance was started with.
        assert_eq!(String::from_utf8_lossy(&output.stdout), "[]\n", "{output:?}");
    }
}

#[test]
fn wrong_answers_to_right_commands() {
    let packs = Packs::new();
    let granary = Granary::started();
    let (one, two) = (packs.pack("a", "Raw one", 1, &[]), packs.pack("b", "Raw two", 1, &[]));
    for file in [&one, &two] {
        granary.ok(&["install", file.to_str().unwrap()]);
    }
    granary.fails(1, "no-such-app", &["new", "Nothing"]);
    granary.fails(1, "no-such-app", &["uninstall", ""]);
    granary.fails(2, "ambiguous-app", &["new", "Raw"]);
    granary.fails(2, "no-such-action", &["new", "Raw one", "--action", "7"]);
    granary.fails(2, "bad-title", &["new", "Raw one", "--title", "two\nlines"]);
    granary.fails(2, "bad-title", &["new", "Raw one", "--title", &"x".repeat(201)]);
    granary.fails(1, "no-such-grain", &["url", "Nothing"]);
    granary.ok(&["new", "Raw one", "--title", "Twin"]);
    granary.ok(&["new", "Raw two", "--title", "Twin"]);
    granary.fails(2, "ambiguous-grain", &["stop", "Twin"]);
    let first = granary.ok(&["new", "Raw one", "--title", "Third"]);
    granary.fails(2, "bad-title", &["rename", "Third", "  "]);
    granary.fails(2, "bad-path", &["url", first.trim(), "--path", "no-slash"]);
    granary.fails(2, "bad-setting", &["settings", "idleSeconds=1"]);
    granary.fails(2, "bad-setting", &["settings", "nonsense=1"]);
    granary.fails(2, "bad-setting", &["settings", "limits.memory=1"]);
    assert_eq!(
        granary.json(&["settings", "limits.processes=77", "displayName=Ada Lovelace"])["limits"]["processes"],
        77
    );
    assert!(granary.visit("Third", "/whoami").contains("Ada Lovelace"));
    assert!(granary.ok(&["settings"]).contains("limits.processes=77\n"));
}

#[test]
fn packages_that_are_none() {
    let packs = Packs::new();
    let good = packs.pack("a", "Raw", 1, &[]);
    let bytes = std::fs::read(&good).unwrap();
    let granary = Granary::started();
    let bad = granary.folder().join("bad.spk");
    let path = bad.to_str().unwrap();
    let refused = |content: &[u8], code: &str| {
        std::fs::write(&bad, content).unwrap();
        granary.fails(2, code, &["install", path]);
        assert_eq!(granary.package_folders(), [] as [&str; 0], "{code}");
    };
    refused(b"", "not-a-package");
    refused(&vec![b'x'; 3 << 20], "not-a-package");
    refused(&bytes[..bytes.len() / 2], "package-truncated");
    let mut damaged = bytes.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    refused(&damaged, "package-damaged");

    let good = good.to_str().unwrap();
    granary.fails(2, "package-unexpected", &["install", good, "--expect", &"0".repeat(32)]);
    granary.fails(2, "bad-package-id", &["install", good, "--expect", "0"]);
    assert_eq!(granary.package_folders(), [] as [&str; 0]);
    granary.fails(1, "file-unreadable", &["install", "/nowhere/at/all.spk"]);
    granary.fails(1, "file-unreadable", &["install", "/"]);
    assert_eq!(granary.json(&["install", good, "--expect", &packs.package_id(Path::new(good))])["title"], "Raw");
}

#[test]
fn packages_from_the_web() {
    let packs = Packs::new();
    let good = packs.pack("a", "Raw", 1, &[]);
    let bytes = std::fs::read(&good).unwrap();
    let server = Server::new(move |path| match path {
        "/good.spk?x=1" => Server::answer("200 OK", "", &bytes),
        "/cut.spk" => {
            let mut answer = Server::answer("200 OK", "", &bytes);
            answer.truncate(answer.len() - 1000);
            answer
        }
        "/moved" => Server::answer("302 Found", "location: /good.spk?x=1\r\n", b""),
        "/loop" => Server::answer("302 Found", "location: /loop\r\n", b""),
        "/away" => Server::answer("302 Found", "location: file:///etc/passwd\r\n", b""),
        _ => Server::answer("404 Not Found", "", b"nothing"),
    });
    let granary = Granary::started();
    let url = |path: &str| format!("{}{path}", server.url);
    granary.fails(1, "download-failed", &["install", &url("/missing")]);
    granary.fails(1, "download-failed", &["install", &url("/loop")]);
    granary.fails(2, "bad-url", &["install", &url("/away")]);
    granary.fails(1, "download-failed", &["install", "http://127.0.0.1:1/x.spk"]);
    granary.fails(2, "package-unexpected", &["install", &url("/moved"), "--expect", &"0".repeat(32)]);
    let cut = granary.run(&["install", &url("/cut.spk")]);
    assert_eq!(cut.code, 1, "{cut:#?}");
    assert_eq!(granary.package_folders(), [] as [&str; 0]);
    let app = granary.json(&["install", &url("/moved"), "--expect", &packs.package_id(&good)]);
    assert_eq!(app["packageId"], packs.package_id(&good));
}

#[test]
fn two_appliances() {
    let first = Granary::started();
    let again = first.fails(1, "already-running", &["serve"]);
    assert!(again["message"].as_str().unwrap().contains(&format!("process {}", first.pid())), "{again}");
    let mut link = first.folder().join("link");
    std::os::unix::fs::symlink(first.data(), &link).unwrap();
    link.push(".");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_granary"))
        .args(["serve", "--data"])
        .arg(&link)
        .env("GRANARY_LIBEXEC", first.folder().join("libexec"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "the same folder under another name: {output:?}");

    let packs = Packs::new();
    let mut second = Granary::named("other data");
    second.start();
    assert_ne!(first.port, second.port);
    first.ok(&["install", packs.pack("a", "Raw", 1, &[]).to_str().unwrap()]);
    assert_eq!(first.json(&["apps"]).as_array().unwrap().len(), 1);
    assert_eq!(second.json(&["apps"]), serde_json::json!([]));
    assert_eq!(second.end(Signal::SIGINT), 0);
    assert_eq!(first.json(&["apps"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_it_keeps_is_private() {
    let granary = Granary::started();
    let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in ["", "apps", "grains", "tls"] {
        assert_eq!(mode(&granary.data().join(folder)), 0o700, "{folder:?}");
    }
    let socket = granary.socket();
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    for entry in std::fs::read_dir(granary.data()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}
