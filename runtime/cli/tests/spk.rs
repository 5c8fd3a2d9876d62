//! `granary spk`: from a plain folder to a package and back, exit codes, and what stands on which stream.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program in a folder, with keys in that folder as well.
fn granary(at: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_granary"));
    command.args(args).current_dir(at).env("XDG_CONFIG_HOME", at.join("config")).env("HOME", at);
    command.env_remove("GRANARY_DATA").env_remove("GRANARY_LIBEXEC").env_remove("SOURCE_DATE_EPOCH");
    command.output().expect("the program runs")
}

#[track_caller]
fn ok(at: &Path, args: &[&str]) -> String {
    let output = granary(at, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
}

#[track_caller]
fn refused(at: &Path, args: &[&str], exit: i32) -> String {
    let output = granary(at, args);
    assert_eq!(output.status.code(), Some(exit), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty(), "{args:?}: results alone on stdout");
    String::from_utf8(output.stderr).expect("UTF-8")
}

fn folder() -> tempfile::TempDir {
    let temporary = tempfile::tempdir().expect("a folder");
    let app = temporary.path().join("app");
    fs::create_dir(&app).unwrap();
    fs::write(app.join("server"), "a static program").unwrap();
    fs::set_permissions(app.join("server"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(temporary.path().join("bridge"), "the bridge").unwrap();
    temporary
}

#[test]
fn from_a_folder_to_a_package_and_back() {
    let temporary = folder();
    let at = temporary.path();
    let pack = [
        "spk",
        "pack",
        "--from",
        "app",
        "--port",
        "8000",
        "--bridge",
        "bridge",
        "--title",
        "My app",
        "--app-version",
        "4",
    ];
    let file = ok(at, &[&pack[..], &["--", "./server", "8000"]].concat());
    assert_eq!(file, "my-app-4.spk");
    let id = ok(at, &["spk", "appid", &file]);
    let key = at.join("config/granary/keys/my-app.key");
    assert_eq!(fs::metadata(key).expect("a key was made").permissions().mode() & 0o777, 0o600);

    let json: serde_json::Value = serde_json::from_str(&ok(at, &["spk", "info", &file, "--json"])).expect("JSON");
    assert_eq!(
        (json["appId"].as_str(), json["title"].as_str(), json["version"].as_u64()),
        (Some(&*id), Some("My app"), Some(4))
    );
    assert_eq!(json["manifest"]["continueCommand"]["argv"][0], "/sandstorm-http-bridge");
    assert_eq!(json["bridgeConfig"]["viewInfo"]["permissions"][1]["name"], "edit");

    assert_eq!(ok(at, &["spk", "unpack", &file]), id);
    assert_eq!(fs::read_to_string(at.join("my-app-4/server")).expect("unpacked"), "a static program");
    refused(at, &["spk", "unpack", &file], 1);
    // What was unpacked can be packed as it is, by the same key and so to the same package.
    ok(at, &["spk", "pack", "again.spk", "--from", "my-app-4"]);
    assert_eq!(fs::read(at.join("again.spk")).unwrap(), fs::read(at.join(&file)).unwrap());
}

#[test]
fn keys_and_definitions() {
    let temporary = folder();
    let at = temporary.path();
    let id = ok(at, &["spk", "keygen", "my.key"]);
    refused(at, &["spk", "keygen", "my.key"], 1);
    assert_eq!(ok(at, &["spk", "init", "--key", "my.key", "--title", "Defined", "--", "/server"]), id);
    refused(at, &["spk", "init", "--key", "my.key"], 1);
    let words = refused(at, &["spk", "pack"], 1);
    assert!(words.contains("--key"), "{words}");
    assert_eq!(ok(at, &["spk", "pack", "--key", "my.key", "-o", "defined.spk"]), "defined.spk");
    assert_eq!(ok(at, &["spk", "appid", "defined.spk"]), id);
    // Sandstorm's own keyring is looked into as well.
    fs::copy(at.join("my.key"), at.join(".sandstorm-keyring")).unwrap();
    ok(at, &["spk", "pack", "-o", "again.spk"]);
    assert_eq!(fs::read(at.join("again.spk")).unwrap(), fs::read(at.join("defined.spk")).unwrap());
}

#[test]
fn invalid_packages_give_exit_code_2() {
    let temporary = folder();
    let at = temporary.path();
    fs::write(at.join("not.spk"), "PK").unwrap();
    ok(at, &["spk", "pack", "good.spk", "--from", "app", "--raw", "--", "/server"]);
    let good = fs::read(at.join("good.spk")).unwrap();
    fs::write(at.join("cut.spk"), &good[..good.len() / 2]).unwrap();
    fs::write(at.join("long.spk"), [&good[..], b"garbage"].concat()).unwrap();
    let before = fs::read_dir(at).unwrap().count();
    for (file, code) in
        [("not.spk", "not-a-package"), ("cut.spk", "package-truncated"), ("long.spk", "package-trailing-garbage")]
    {
        for command in ["verify", "appid", "info", "unpack"] {
            let words = refused(at, &["spk", command, file, "--json"], 2);
            let json: serde_json::Value = serde_json::from_str(&words).expect("JSON");
            assert_eq!(json["error"]["code"], code, "{command}");
        }
    }
    assert_eq!(fs::read_dir(at).unwrap().count(), before, "nothing is left");
    refused(at, &["spk", "verify", "missing.spk"], 1);
}
