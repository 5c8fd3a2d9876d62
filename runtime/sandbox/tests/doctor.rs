//! What the self-test says: of recorded computers, and of this one with something taken away.

use std::process::Command;

use granary_sandbox::{Entry, LauncherConfig, Observations, Probe, Severity, codes, doctor, protocol::Step};

/// A computer on which all is well.
fn good() -> Observations {
    Observations {
        kernel: "6.12.48+deb13-amd64".into(),
        max_user_namespaces: Some(63_000),
        unprivileged_userns_clone: Some(1),
        apparmor_restrict: None,
        label: Some("unconfined".into()),
        container: None,
        seccomp: true,
        landlock: Some(6),
        delegation: Some(Ok("/sys/fs/cgroup/user.slice/granary-1.scope".into())),
        probe: Some(Probe::Ran),
    }
}

fn failed(step: Step, errno: i32) -> Option<Probe> {
    Some(Probe::Failed { doing: step.doing().into(), step: step as u32, errno })
}

/// The codes of the entries that are not ok, with `!` behind errors.
fn bad(entries: &[Entry]) -> Vec<String> {
    entries
        .iter()
        .filter(|entry| !entry.ok)
        .map(|entry| {
            assert!(!entry.text.is_empty() && !entry.remedy.is_empty(), "{entry:?}");
            format!("{}{}", entry.code, if entry.severity == Severity::Error { "!" } else { "" })
        })
        .collect()
}

#[test]
fn recorded_computers() {
    let trial = format!("{}!", codes::TRIAL);
    let error = |code: &str| format!("{code}!");
    let check = |name: &str, seen: Observations, expected: &[String]| {
        let entries = seen.entries();
        assert_eq!(bad(&entries), expected, "{name}: {entries:#?}");
    };
    check("all is well", good(), &[]);
    check(
        "Debian with namespaces for root only",
        Observations { unprivileged_userns_clone: Some(0), probe: failed(Step::Clone, libc::EPERM), ..good() },
        &[error(codes::UNPRIVILEGED), trial.clone()],
    );
    check(
        "namespaces off",
        Observations { max_user_namespaces: Some(0), probe: failed(Step::Clone, libc::ENOSPC), ..good() },
        &[error(codes::NAMESPACES), trial.clone()],
    );
    check(
        "namespaces used up",
        Observations { probe: failed(Step::Clone, libc::ENOSPC), ..good() },
        &[error(codes::NAMESPACES), trial.clone()],
    );
    check(
        "Ubuntu 24.04: the clone succeeds, without capabilities",
        Observations { apparmor_restrict: Some(1), probe: failed(Step::IdMap, libc::EPERM), ..good() },
        &[error(codes::APPARMOR), trial.clone()],
    );
    check(
        "Ubuntu 24.04 with our profile: the setting is there, and the trial runs",
        Observations { apparmor_restrict: Some(1), ..good() },
        &[],
    );
    check(
        "a container that allows sandboxes is no trouble to tell anybody about",
        Observations { container: Some("docker".into()), ..good() },
        &[],
    );
    check(
        "another security module",
        Observations { label: Some("snap.foo".into()), probe: failed(Step::Clone, libc::EACCES), ..good() },
        &[error(codes::APPARMOR), trial.clone()],
    );
    check(
        "a container",
        Observations { container: Some("docker".into()), probe: failed(Step::Clone, libc::EPERM), ..good() },
        &[error(codes::CONTAINER), trial.clone()],
    );
    check(
        "a container whose filter hides clone3",
        Observations { container: Some("podman".into()), probe: failed(Step::Clone, libc::ENOSYS), ..good() },
        &[error(codes::CONTAINER), trial.clone()],
    );
    check(
        "an old kernel",
        Observations { kernel: "5.4.0-150-generic".into(), probe: failed(Step::Clone, libc::EINVAL), ..good() },
        &[error(codes::KERNEL), trial.clone()],
    );
    check(
        "no filters",
        Observations { seccomp: false, probe: failed(Step::Filter, libc::EINVAL), ..good() },
        &[error(codes::SECCOMP), trial.clone()],
    );
    check(
        "no memory",
        Observations { probe: failed(Step::Fork, libc::ENOMEM), ..good() },
        &[error(codes::RESOURCES), trial.clone()],
    );
    check(
        "something nobody has seen",
        Observations { probe: failed(Step::Pivot, libc::EPERM), ..good() },
        std::slice::from_ref(&trial),
    );
    check(
        "no launcher",
        Observations { probe: Some(Probe::NoLauncher("granary-launcher is missing".into())), ..good() },
        &[error(codes::LAUNCHER), trial],
    );
    check(
        "no systemd and no Landlock: warnings, and grains run",
        Observations { delegation: Some(Err("no session bus was found".into())), landlock: None, ..good() },
        &[codes::LIMITS.to_owned(), codes::LANDLOCK.to_owned()],
    );
}

#[test]
fn a_failed_launch_has_the_doctors_entry() {
    let seen = Observations { apparmor_restrict: Some(1), probe: failed(Step::Clone, libc::EPERM), ..good() };
    let entry = seen.explain(Step::Clone, libc::EPERM);
    assert!(seen.entries().contains(&entry));
    let json = serde_json::to_value(&entry).expect("json");
    let mut keys: Vec<_> = json.as_object().expect("object").keys().collect();
    keys.sort();
    assert_eq!(keys, ["code", "ok", "remedy", "severity", "text", "title"]);
    assert_eq!(json["severity"], "error");
}

fn here() -> Vec<Entry> {
    let folder = std::env::var_os("GRANARY_LIBEXEC").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest/bin"),
        std::path::PathBuf::from,
    );
    let program = folder.join("granary-launcher");
    assert!(program.is_file(), "granary-launcher is not in {}; build it with `make guests`", folder.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(doctor(&LauncherConfig { program: Some(program), ..LauncherConfig::default() }))
}

#[test]
fn this_computer() {
    let entries = here();
    let errors: Vec<_> = entries.iter().filter(|e| !e.ok && e.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(entries.len(), 11, "{entries:#?}");
}

#[test]
fn a_missing_launcher() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let config = LauncherConfig { program: Some("/nowhere/granary-launcher".into()), ..LauncherConfig::default() };
    let entries = runtime.block_on(doctor(&config));
    assert_eq!(bad(&entries)[0], format!("{}!", codes::LAUNCHER));
}

/// Run by the tests below in a place where something was taken away; prints what is bad.
#[test]
#[allow(clippy::print_stdout, reason = "the other process reads it")]
fn there() {
    if std::env::var_os("GRANARY_TEST_THERE").is_some() {
        println!("bad: {:?}", bad(&here()));
    }
}

/// Runs the doctor behind a shell command that takes something away and then runs "$@".
fn behind(script: &str) -> String {
    let own = std::env::current_exe().expect("own path");
    let output = Command::new("unshare")
        .args(["--user", "--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-ec", script, "sh"])
        .arg(own)
        .args(["there", "--exact", "--nocapture"])
        .env("GRANARY_TEST_THERE", "1")
        .output()
        .expect("unshare, of util-linux");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    text.lines().find(|line| line.contains("bad: ")).unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn namespaces_switched_off_for_real() {
    let said = behind("echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"");
    assert!(said.contains(&format!("{}!", codes::NAMESPACES)), "{said}");
}

#[test]
fn the_same_place_without_the_setting_is_fine() {
    let said = behind("exec \"$@\"");
    assert!(!said.contains('!'), "{said}");
}
