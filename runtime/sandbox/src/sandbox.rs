//! A running sandbox: kill it, wait for it.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
};

use tokio::{io::unix::AsyncFd, sync::OnceCell};

use crate::{
    cgroup::Leaf,
    launch::Exit,
    protocol::{Status, Step},
    socket,
};

/// A running sandbox. Dropping it kills everything inside.
#[derive(Debug)]
pub struct Sandbox {
    pub(crate) socket: AsyncFd<OwnedFd>,
    pidfd: AsyncFd<OwnedFd>,
    pid: u32,
    cgroup: Option<Leaf>,
    exit: OnceCell<Exit>,
}

/// What the init said first.
pub(crate) enum Beginning {
    Started,
    Failed(Step, i32),
    Gone,
}

impl Sandbox {
    pub(crate) fn new(socket: OwnedFd, pidfd: OwnedFd, pid: u32, cgroup: Option<Leaf>) -> io::Result<Self> {
        // A pidfd does not care about O_NONBLOCK, and is only polled.
        Ok(Self {
            socket: socket::register(socket)?,
            pidfd: socket::register(pidfd)?,
            pid,
            cgroup,
            exit: OnceCell::new(),
        })
    }

    pub(crate) async fn beginning(&self) -> io::Result<Beginning> {
        let (message, _) = socket::receive(&self.socket).await?;
        Ok(match Status::decode(&message) {
            Some(Status::Started) => Beginning::Started,
            Some(Status::Failed(step, errno)) => Beginning::Failed(step, errno),
            _ => Beginning::Gone,
        })
    }

    /// The process id of the sandbox's init, as this computer sees it. Its only child at first is the program.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The cgroup that holds the sandbox, where limits are delegated: to read what it uses.
    #[must_use]
    pub fn cgroup(&self) -> Option<&std::path::Path> {
        self.cgroup.as_ref().map(Leaf::path)
    }

    /// Kills every process inside at once. [`Sandbox::wait`] tells when that is done.
    pub fn kill(&self) {
        // The init is pid 1 of its namespace: with it the kernel kills all the others. ESRCH means it is dead already.
        // SAFETY: the call takes no pointer but the null one.
        let killed = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.pidfd.as_raw_fd(),
                libc::SIGKILL,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        if killed != 0 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() != Some(libc::ESRCH) {
                tracing::error!(pid = self.pid, %error, "cannot kill a sandbox");
            }
        }
        // The cgroup's own kill reaches the tree even where the first should fail. It is not used again afterwards:
        // the kernel kills later children of a cgroup that was killed at their birth.
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
    }

    /// Waits until no process inside lives any more, and says how it ended. May be called again and by many.
    pub async fn wait(&self) -> Exit {
        *self
            .exit
            .get_or_init(|| async {
                let told = match socket::receive(&self.socket).await {
                    Ok((message, _)) => Status::decode(&message),
                    Err(error) => {
                        tracing::error!(pid = self.pid, %error, "cannot hear from a sandbox");
                        None
                    }
                };
                // Readable when the init is gone, which is last: the kernel lets pid 1 of a namespace go only after
                // all others there.
                if let Err(error) = self.pidfd.readable().await {
                    tracing::error!(pid = self.pid, %error, "cannot wait for a sandbox");
                }
                let out_of_memory = self.cgroup.as_ref().is_some_and(Leaf::ran_out_of_memory);
                match told {
                    _ if out_of_memory => Exit::OutOfMemory,
                    Some(Status::Exited(code)) => Exit::Code(code),
                    Some(Status::Signaled(signal)) => Exit::Signal(signal),
                    _ => Exit::Killed,
                }
            })
            .await
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !self.exit.initialized() {
            self.kill();
        }
    }
}
