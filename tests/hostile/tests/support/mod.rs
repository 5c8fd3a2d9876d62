//! What the tests share: a package with the hostile guest, launches of it, and the two ways of being started.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    io::{self, Read as _},
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt, net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use granary_sandbox::{Delegation, Exit, Launch, Launcher, LauncherConfig, Limits, Sandbox};

/// No sandbox takes this long, even on a busy computer; it bounds every wait.
pub const LONG: Duration = Duration::from_secs(30);

/// The ordinary user that tests become when root runs them.
pub const ORDINARY: u32 = 1500;

/// Where the static programs are.
pub fn guests() -> PathBuf {
    let folder = std::env::var_os("GRANARY_LIBEXEC").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest/bin").canonicalize().unwrap_or_default(),
        PathBuf::from,
    );
    for program in ["granary-launcher", "granary-launcher-unfenced", "granary-hostile"] {
        assert!(
            folder.join(program).is_file(),
            "{program} is not in {}; build it with `make guests`",
            folder.display()
        );
    }
    folder
}

/// Runs a test as this user and, if that is root, in a process of its own as an ordinary user as well. `name` is the
/// test's own, by which the second process finds it.
pub fn each_user(name: &str, body: impl FnOnce()) {
    body();
    if std::env::var_os("GRANARY_TEST_ORDINARY").is_some() {
        return;
    }
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("skipped: {name} as root, because this is an ordinary user");
        return;
    }
    let own = std::env::current_exe().expect("own path");
    let output = Command::new(own)
        .args([name, "--exact", "--nocapture"])
        .env("GRANARY_TEST_ORDINARY", "1")
        .uid(ORDINARY)
        .gid(ORDINARY)
        .current_dir("/")
        .output()
        .expect("the test program starts as an ordinary user");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "as an ordinary user:\n{text}");
}

/// Runs async code as the appliance does.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async { tokio::time::timeout(2 * LONG, future).await.expect("the test takes too long") })
}

/// How a package's /dev is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dev {
    /// With the files that our own installation leaves there.
    Placeholders,
    /// An empty folder.
    Empty,
    /// None at all, nor any other folder.
    Absent,
}

/// A package with the guest in it, and a /var.
pub struct Ground {
    folder: tempfile::TempDir,
    pub launcher: Launcher,
}

impl Ground {
    /// With the launcher that ships.
    pub fn new() -> Self {
        Self::with("granary-launcher", 0)
    }

    pub fn with(launcher: &str, prepared: usize) -> Self {
        let program = Some(guests().join(launcher));
        let config = LauncherConfig { program, prepared, delegation: Delegation::Off };
        Self::with_config(&config)
    }

    pub fn with_config(config: &LauncherConfig) -> Self {
        let launcher = Launcher::start(config).expect("the launcher starts");
        let folder = tempfile::Builder::new().prefix("granary-test-").tempdir().expect("temporary folder");
        let ground = Self { folder, launcher };
        for (name, dev) in [("package", Dev::Placeholders), ("plain", Dev::Empty), ("bare", Dev::Absent)] {
            let package = ground.path(name);
            fs::create_dir(&package).expect("package");
            fs::copy(guests().join("granary-hostile"), package.join("hostile")).expect("guest");
            if dev != Dev::Absent {
                for folder in ["dev", "tmp", "var", "proc", "usr"] {
                    fs::create_dir(package.join(folder)).expect("folder");
                }
                fs::write(package.join("proc/cpuinfo"), "").expect("placeholder");
            }
            if dev == Dev::Placeholders {
                fs::create_dir(package.join("dev/shm")).expect("placeholder");
                for node in ["null", "zero", "random", "urandom"] {
                    fs::write(package.join("dev").join(node), "").expect("placeholder");
                }
            }
        }
        ground.fresh_var();
        ground
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn var(&self) -> PathBuf {
        self.path("var")
    }

    /// Empties /var, and gives it to whoever the guest is outside.
    pub fn fresh_var(&self) {
        let _ = fs::remove_dir_all(self.var());
        fs::create_dir(self.var()).expect("var");
        fs::set_permissions(self.var(), fs::Permissions::from_mode(0o770)).expect("mode");
        granary_sandbox::own_var(&self.var()).expect("own");
    }

    /// A launch of the guest, with the reading end of its log and our end of its API socket.
    pub fn launch(&self, package: &str, arguments: &[&str]) -> (Launch, OwnedFd, UnixStream) {
        let (log, log_writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).expect("pipe");
        let (ours, api) = UnixStream::pair().expect("pair");
        let launch = Launch {
            name: arguments[0].to_owned(),
            package: self.path(package),
            var: self.var(),
            argv: std::iter::once("/hostile").chain(arguments.iter().copied()).map(Into::into).collect(),
            env: vec![("GREETING".into(), "hello".into())],
            api: api.into(),
            log: log_writer,
            limits: Limits::default(),
        };
        (launch, log, ours)
    }

    /// Runs the guest to its end with the fences `without` missing, and gives its output.
    pub async fn output(&self, without: u32, package: &str, arguments: &[&str]) -> (String, Exit) {
        let (launch, log, api) = self.launch(package, arguments);
        let sandbox = if without == 0 {
            self.launcher.launch(launch).await
        } else {
            self.launcher.launch_without(launch, without).await
        };
        let sandbox = sandbox.unwrap_or_else(|e| panic!("launch of {arguments:?}: {e} ({e:?})"));
        let output = read_to_end(log).await;
        let exit = sandbox.wait().await;
        drop(api);
        (output, exit)
    }

    /// Starts a guest that says "ready" and stays.
    pub async fn start(&self, arguments: &[&str]) -> (Sandbox, OwnedFd, UnixStream) {
        let (launch, log, api) = self.launch("package", arguments);
        let sandbox = self.launcher.launch(launch).await.unwrap_or_else(|e| panic!("launch of {arguments:?}: {e}"));
        let log = expect_line(log, "ready").await;
        (sandbox, log, api)
    }
}

/// Reads a pipe until nobody holds its other end.
pub async fn read_to_end(log: OwnedFd) -> String {
    tokio::task::spawn_blocking(move || {
        let mut text = Vec::new();
        fs::File::from(log).read_to_end(&mut text).expect("log");
        String::from_utf8_lossy(&text).into_owned()
    })
    .await
    .expect("reader")
}

/// Reads a pipe byte by byte until the line comes.
pub async fn expect_line(log: OwnedFd, line: &'static str) -> OwnedFd {
    tokio::task::spawn_blocking(move || {
        let mut file = fs::File::from(log);
        let mut text = String::new();
        while !text.ends_with(&format!("{line}\n")) {
            let mut byte = [0];
            assert_eq!(file.read(&mut byte).expect("log"), 1, "the guest ended, having said {text:?}");
            text.push(char::from(byte[0]));
        }
        file.into()
    })
    .await
    .expect("reader")
}

/// Lines `name<TAB>value`.
pub fn table(output: &str) -> BTreeMap<String, String> {
    output
        .lines()
        .map(|line| line.split_once('\t').unwrap_or_else(|| panic!("not a line of a table: {line:?} in {output}")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Compares what the guest reports with lines "name value", errnos by their names. Each of its lines must be expected.
pub fn check(what: &str, output: &str, expected: &str) {
    let mut found = table(output);
    let mut wrong = Vec::new();
    for line in expected.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("not an expectation: {line:?}"));
        let Some(real) = found.remove(name) else {
            wrong.push(format!("{name}: nothing was reported, expected {value}"));
            continue;
        };
        let readable = errno_name(&real);
        if !value.split(" | ").any(|value| value == readable || value == real) {
            wrong.push(format!("{name}: {readable}, expected {value}"));
        }
    }
    wrong.extend(found.into_iter().map(|(name, value)| format!("{name}: {}, not expected at all", errno_name(&value))));
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

fn errno_name(value: &str) -> String {
    match value.split_once(' ').map_or(value, |(number, _)| number).parse::<i32>() {
        Ok(0) => "works".to_owned(),
        Ok(errno @ 1..=999) => format!("{:?}", nix::errno::Errno::from_raw(errno)),
        Ok(1001..=1999) => format!("signal {}", value.parse::<i32>().unwrap_or(0) - 1000),
        _ => value.to_owned(),
    }
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// All processes below one, by their parents; the first is the one itself.
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name in parentheses may hold anything; the state and the parent follow the last one.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (process, parent)));
    }
    let mut found = vec![pid];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(process, _)| *process));
        at += 1;
    }
    found
}

/// Whether a process exists (a zombie does).
pub fn exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

pub fn mounts() -> io::Result<Vec<String>> {
    Ok(fs::read_to_string("/proc/self/mountinfo")?.lines().map(str::to_owned).collect())
}
