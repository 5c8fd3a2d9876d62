//! cgroups by way of a systemd that is a stand-in, on a bus of its own.

#![allow(missing_docs, reason = "zbus makes items of its own")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use granary_sandbox::{Delegation, Launcher, LauncherConfig};
use zbus::{
    object_server::SignalEmitter,
    zvariant::{ObjectPath, OwnedObjectPath, OwnedValue},
};

/// A bus daemon for one test.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon starts (Debian package dbus-daemon)");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().expect("pipe")).read_line(&mut address).expect("address");
        Self { daemon, address: address.trim().to_owned() }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What the stand-in was asked: the unit's name, and each property in a readable form.
type Asked = Arc<Mutex<Vec<(String, Vec<String>)>>>;

struct Systemd {
    asked: Asked,
    result: &'static str,
}

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Systemd {
    fn subscribe(&self) {}

    async fn start_transient_unit(
        &self,
        name: String,
        mode: String,
        properties: Vec<(String, OwnedValue)>,
        _aux: Vec<(String, Vec<(String, OwnedValue)>)>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<OwnedObjectPath> {
        assert_eq!(mode, "fail");
        let readable = properties.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        self.asked.lock().expect("lock").push((name.clone(), readable));
        let job = ObjectPath::from_static_str_unchecked("/org/freedesktop/systemd1/job/7");
        // Another job ends first, as on a busy computer.
        let other = ObjectPath::from_static_str_unchecked("/org/freedesktop/systemd1/job/6");
        Self::job_removed(&emitter, 6, other, "other.service".into(), "failed".into()).await?;
        Self::job_removed(&emitter, 7, job.clone(), name, self.result.into()).await?;
        Ok(job.into())
    }

    fn get_unit(&self, _name: String) -> OwnedObjectPath {
        ObjectPath::from_static_str_unchecked("/org/freedesktop/systemd1/unit/granary").into()
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: ObjectPath<'_>,
        unit: String,
        result: String,
    ) -> zbus::Result<()>;
}

struct Scope;

#[zbus::interface(name = "org.freedesktop.systemd1.Scope")]
impl Scope {
    #[zbus(property)]
    fn control_group(&self) -> String {
        "/user.slice/granary.scope".into()
    }
}

fn launcher(delegation: Delegation) -> Launcher {
    let folder = std::env::var_os("GRANARY_LIBEXEC")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest/bin"), PathBuf::from);
    let program = folder.join("granary-launcher");
    assert!(program.is_file(), "granary-launcher is not in {}; build it with `make guests`", folder.display());
    Launcher::start(&LauncherConfig { program: Some(program), delegation, ..LauncherConfig::default() })
        .expect("launcher")
}

/// What came of asking: the answer, what the stand-in was asked, the tree, the launcher's pid.
struct Outcome {
    answer: Result<PathBuf, String>,
    asked: Vec<(String, Vec<String>)>,
    root: tempfile::TempDir,
    launcher: u32,
}

/// Asks a stand-in that ends the job so, on a cgroup tree of plain files, as far as the delegation writes there.
fn ask(result: &'static str, controllers: &str) -> Outcome {
    let bus = Bus::start();
    let root = tempfile::tempdir().expect("folder");
    let scope = root.path().join("user.slice/granary.scope");
    fs::create_dir_all(&scope).expect("folder");
    fs::write(scope.join("cgroup.controllers"), controllers).expect("file");
    fs::write(scope.join("cgroup.procs"), "").expect("file");
    let asked = Asked::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let (answer, launcher) = runtime.block_on(async {
        let systemd = Systemd { asked: asked.clone(), result };
        let _stand_in = zbus::connection::Builder::address(bus.address.as_str())
            .and_then(|b| b.name("org.freedesktop.systemd1"))
            .and_then(|b| b.serve_at("/org/freedesktop/systemd1", systemd))
            .and_then(|b| b.serve_at("/org/freedesktop/systemd1/unit/granary", Scope))
            .expect("stand-in")
            .build()
            .await
            .expect("stand-in");
        let launcher = launcher(Delegation::SystemdAt { bus: bus.address.clone(), root: root.path().to_owned() });
        let pid = launcher.pid().await.expect("pid");
        (launcher.delegation().await.map(Path::to_owned).map_err(str::to_owned), pid)
    });
    let asked = asked.lock().expect("lock").clone();
    Outcome { answer, asked, root, launcher }
}

#[test]
fn one_scope_is_asked_for_and_entered() {
    let Outcome { answer, asked, root, launcher } = ask("done", "cpu io memory pids");
    let scope = root.path().join("user.slice/granary.scope");
    assert_eq!(answer, Ok(scope.clone()));
    let own = std::process::id();
    let [(name, properties)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(name, &format!("granary-{own}.scope"));
    let text = properties.join("\n");
    for expected in ["Delegate=", "PIDs=", "CollectMode=", &own.to_string(), &launcher.to_string()] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    // The last process that was moved; on a real tree each write moves one.
    let procs = fs::read_to_string(scope.join("appliance/cgroup.procs")).expect("file");
    assert_eq!(procs, launcher.to_string());
    let on = fs::read_to_string(scope.join("cgroup.subtree_control")).expect("file");
    assert_eq!(on, "+memory +pids +cpu");
}

#[test]
fn refusals_are_said_in_words() {
    let outcome = ask("failed", "memory pids");
    assert!(outcome.answer.expect_err("must fail").contains("its job ended with \"failed\""));
    let outcome = ask("done", "hugetlb");
    assert!(outcome.answer.expect_err("must fail").contains("delegates none of memory, pids and cpu"));
    let delegation = Delegation::SystemdAt { bus: "unix:path=/nowhere/bus".into(), root: "/sys/fs/cgroup".into() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let reason =
        runtime.block_on(async { launcher(delegation).delegation().await.map(Path::to_owned).map_err(str::to_owned) });
    assert!(reason.expect_err("must fail").contains("systemd gave no delegated scope"));
}
