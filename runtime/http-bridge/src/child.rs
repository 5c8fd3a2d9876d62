//! The app's own process: starting it, passing signals on, and noticing its end.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tokio::io::unix::AsyncFd;

use crate::log::log;

/// How long the app may take to end itself once it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// The app, running.
pub(crate) struct Child {
    pid: Pid,
}

/// Starts the app. Descriptors of the bridge are closed in it, file descriptor 3 among them.
pub(crate) fn start(command: &[OsString]) -> io::Result<Child> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no command was given"))?;
    // Before there is an app, so that a signal that comes while it starts is passed on too instead of ending the bridge.
    watched().thread_block()?;
    let child = match spawn(Command::new(program).args(arguments)) {
        // A script without a #! line, which a shell would run.
        Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
            spawn(Command::new("/bin/sh").arg(find(program)).args(arguments))?
        }
        other => other?,
    };
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    Ok(Child { pid: Pid::from_raw(pid) })
}

/// The signals that the bridge reads instead of dying of them.
fn watched() -> SigSet {
    [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT].into_iter().collect()
}

/// Starts a program that has no signal blocked.
fn spawn(command: &mut Command) -> io::Result<process::Child> {
    // SAFETY: between fork and exec the closure makes one system call and touches no memory but its own stack.
    unsafe { command.pre_exec(|| Ok(watched().thread_unblock()?)) };
    command.spawn()
}

/// Where the search path leads for a program that was found to exist.
fn find(program: &OsStr) -> PathBuf {
    if program.as_bytes().contains(&b'/') {
        return program.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    found.unwrap_or_else(|| program.into())
}

struct Signals(SignalFd);

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Child {
    /// Waits until the app has ended, and gives the exit code to end with. Also reaps what the app leaves behind, since
    /// the bridge may be the first process of the sandbox.
    pub(crate) async fn wait(&self) -> io::Result<i32> {
        let signals = SignalFd::with_flags(&watched(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        // SAFETY: `Signals` owns its descriptor and gives away no other.
        let signals = unsafe { AsyncFd::register(Signals(signals)) }.map_err(io::Error::from)?;
        loop {
            // Several ends may leave one signal, so this comes first.
            if let Some(code) = self.reap()? {
                return Ok(code);
            }
            let mut ready = signals.readable().await?;
            match ready.get_inner().0.read_signal()? {
                None => ready.clear_ready(),
                Some(info) if info.ssi_signo == Signal::SIGCHLD as u32 => {}
                Some(_) => {
                    let _ = kill(self.pid, Signal::SIGTERM);
                    let pid = self.pid;
                    tokio::task::spawn_local(async move {
                        tokio::time::sleep(GRACE).await;
                        let _ = kill(pid, Signal::SIGKILL);
                    });
                }
            }
        }
    }

    fn reap(&self) -> io::Result<Option<i32>> {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => return Ok(None),
                Ok(WaitStatus::Exited(pid, code)) if pid == self.pid => {
                    log!("App server exited with status code: {code}");
                    return Ok(Some(code));
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.pid => {
                    log!("App server exited due to signal: {} ({signal})", signal as i32);
                    return Ok(Some(128 + signal as i32));
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends the app at once.
    pub(crate) fn kill(&self) {
        let _ = kill(self.pid, Signal::SIGKILL);
    }
}
