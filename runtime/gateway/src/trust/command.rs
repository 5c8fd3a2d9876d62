//! Runs the small programs that change certificate stores: no terminal, no waiting for ever.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_secs(60);

/// How a program ended, or why it did not run.
pub(super) enum Outcome {
    Done { ok: bool, stdout: Vec<u8>, stderr: String },
    NotInstalled,
    Failed(String),
}

/// Where `program` is, in `$PATH` and the folders of the administrator's programs.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Runs `program` without a terminal, so that one which wants a password fails instead of waiting for it.
pub(super) fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Outcome {
    let Some(program) = find(program) else { return Outcome::NotInstalled };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: setsid is async-signal-safe and touches nothing of ours; failing means being a leader already.
    unsafe {
        command.pre_exec(|| {
            let _ = nix::unistd::setsid();
            Ok(())
        });
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let read = |pipe: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        let _ = pipe.take(1024 * 1024).read_to_end(&mut bytes);
        bytes
    };
    std::thread::scope(|scope| {
        let out = scope.spawn(move || out.as_mut().map(|pipe| read(pipe)).unwrap_or_default());
        let err = scope.spawn(move || err.as_mut().map(|pipe| read(pipe)).unwrap_or_default());
        let status = wait(&mut child);
        let stdout = out.join().unwrap_or_default();
        let stderr = String::from_utf8_lossy(&err.join().unwrap_or_default()).trim().to_owned();
        match status {
            Some(status) => Outcome::Done { ok: status.success(), stdout, stderr },
            None => Outcome::Failed("it did not end within a minute".into()),
        }
    })
}

/// `None` when it had to be killed.
fn wait(child: &mut std::process::Child) -> Option<std::process::ExitStatus> {
    let deadline = Instant::now() + TIME;
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(pause),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
