//! How long a sandbox takes to a guest's first byte, against a plain spawn and against bubblewrap.
//!
//! `sandbox-bench [--json] [--rounds N]`. Each case starts the same static program, which writes one byte at once; the
//! time runs from the call that starts it until that byte is read. The cases alternate, so that the computer's moods
//! meet all alike. Started by root, it becomes an ordinary user first: that is what everybody else is.

#![allow(clippy::print_stdout, reason = "figures are its output")]

use std::{
    fs,
    io::Read as _,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use granary_sandbox::{Delegation, Launch, Launcher, LauncherConfig, Limits, Sandbox};

/// The ordinary user.
const USER: u32 = 1500;

/// What design asks for: ours by bubblewrap.
const TARGETS: [(&str, f64); 2] = [("ours cold", 0.35), ("ours prepared", 0.12)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|a| a == "--json");
    let rounds = arguments
        .iter()
        .position(|a| a == "--rounds")
        .and_then(|at| arguments.get(at + 1))
        .map_or(200, |n| n.parse().expect("--rounds takes a number"));

    if nix::unistd::Uid::effective().is_root() {
        let own = std::env::current_exe().expect("own path");
        let error = Command::new(own).args(&arguments).uid(USER).gid(USER).current_dir("/").exec();
        panic!("cannot become an ordinary user: {error}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let cases = runtime.block_on(measure(rounds));

    let bwrap = cases.iter().find(|case| case.name == "bubblewrap").map(Case::median);
    if json {
        let cases: serde_json::Map<_, _> = cases
            .iter()
            .map(|case| {
                let value = serde_json::json!({
                    "median": case.median(), "p95": case.quantile(0.95),
                    "byBubblewrap": bwrap.map(|bwrap| case.median() / bwrap),
                });
                (case.name.replace(' ', "-"), value)
            })
            .collect();
        println!("{}", serde_json::json!({ "unit": "µs", "rounds": rounds, "cases": cases }));
        return;
    }
    println!("{:24} {:>9} {:>9} {:>9}  target", "µs to the first byte", "median", "p95", "÷ bwrap");
    for case in &cases {
        let ratio = bwrap.map_or_else(|| "-".to_owned(), |bwrap| format!("{:.3}", case.median() / bwrap));
        let target = TARGETS.iter().find(|(name, _)| *name == case.name);
        let target = target.map_or_else(String::new, |(_, target)| format!("≤ {target}"));
        println!("{:24} {:9.0} {:9.0} {ratio:>9}  {target}", case.name, case.median(), case.quantile(0.95));
    }
}

struct Case {
    name: &'static str,
    times: Vec<f64>,
}

impl Case {
    fn new(name: &'static str) -> Self {
        Self { name, times: Vec::new() }
    }

    fn add(&mut self, time: Duration) {
        self.times.push(time.as_secs_f64() * 1e6);
    }

    fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_by(f64::total_cmp);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "small"
        )]
        sorted[((sorted.len() - 1) as f64 * q) as usize]
    }

    fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

fn guests() -> PathBuf {
    let folder = std::env::var_os("GRANARY_LIBEXEC")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest/bin"), PathBuf::from);
    assert!(folder.join("granary-first-byte").is_file(), "no guest in {}; run `make guests`", folder.display());
    folder
}

async fn measure(rounds: usize) -> Vec<Case> {
    let folder = tempfile::Builder::new().prefix("granary-bench-").tempdir().expect("temporary folder");
    let (package, var) = (folder.path().join("package"), folder.path().join("var"));
    for name in ["package", "package/dev/shm", "package/tmp", "package/var", "package/proc", "var"] {
        fs::create_dir_all(folder.path().join(name)).expect("folder");
    }
    for name in ["dev/null", "dev/zero", "dev/random", "dev/urandom", "proc/cpuinfo"] {
        fs::write(package.join(name), "").expect("placeholder");
    }
    let program = package.join("app");
    fs::copy(guests().join("granary-first-byte"), &program).expect("guest");

    let config = |prepared| LauncherConfig {
        program: Some(guests().join("granary-launcher")),
        prepared,
        delegation: Delegation::Off,
    };
    let cold = Launcher::start(&config(0)).expect("launcher");
    let prepared = Launcher::start(&config(1)).expect("launcher");

    let has_bwrap = Command::new("bwrap").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
    let mut cases = vec![Case::new("posix_spawn")];
    if has_bwrap {
        cases.push(Case::new("bubblewrap"));
    } else {
        eprintln!("bwrap is not installed (Debian package bubblewrap): no ratios");
    }
    cases.push(Case::new("ours cold"));
    cases.push(Case::new("ours prepared"));

    // The first rounds warm caches and do not count.
    for round in 0..rounds + 5 {
        for case in &mut cases {
            let time = match case.name {
                "posix_spawn" => spawn(&mut Command::new(&program)),
                "bubblewrap" => spawn(&mut bubblewrap(&package, &var)),
                "ours cold" => launch(&cold, &package, &var).await,
                _ => {
                    // Made ahead, as in the appliance, where it happens after the launch before.
                    prepared.prepare().await.expect("prepare");
                    tokio::time::sleep(Duration::from_millis(4)).await;
                    launch(&prepared, &package, &var).await
                }
            };
            if round >= 5 {
                case.add(time);
            }
        }
    }
    cases
}

/// The nearest that bubblewrap has to our sandbox; it loads no filter here.
fn bubblewrap(package: &Path, var: &Path) -> Command {
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--die-with-parent"]);
    command.args(["--new-session", "--clearenv", "--ro-bind"]).arg(package).arg("/");
    command.arg("--bind").arg(var).args(["/var", "--tmpfs", "/tmp", "--dev", "/dev"]);
    command.args(["--ro-bind", "/proc/cpuinfo", "/proc/cpuinfo", "--chdir", "/", "/app"]);
    command
}

fn spawn(command: &mut Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn().expect("starts");
    let mut byte = [0];
    child.stdout.take().expect("pipe").read_exact(&mut byte).expect("a byte");
    let time = start.elapsed();
    child.wait().expect("ends");
    time
}

async fn launch(launcher: &Launcher, package: &Path, var: &Path) -> Duration {
    let (log, log_writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).expect("pipe");
    let (_api, guests_api) = UnixStream::pair().expect("pair");
    let launch = Launch {
        name: "bench".into(),
        package: package.to_owned(),
        var: var.to_owned(),
        argv: vec!["/app".into()],
        env: Vec::new(),
        api: guests_api.into(),
        log: log_writer,
        limits: Limits::default(),
    };
    let start = Instant::now();
    let sandbox: Sandbox = launcher.launch(launch).await.expect("launch");
    read_byte(log);
    let time = start.elapsed();
    sandbox.wait().await;
    time
}

fn read_byte(log: OwnedFd) {
    let mut byte = [0];
    fs::File::from(log).read_exact(&mut byte).expect("a byte");
}
