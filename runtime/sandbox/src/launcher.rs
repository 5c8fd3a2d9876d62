//! The handle of the launcher program, and the way from a [`Launch`] to a [`Sandbox`].

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fmt, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use nix::unistd::Uid;
use tokio::sync::OnceCell;

use crate::{
    cgroup::{Cgroups, Delegation, Leaf},
    error::Error,
    launch::{Launch, Limits},
    protocol::{CREATE_CGROUP, Create, Created, LAUNCH_MAX, LAUNCH_TREES, LaunchHeader, Step, WITHOUT_ANY, WORDS_MAX},
    sandbox::{Beginning, Sandbox},
    socket,
};

/// How long a healthy computer may take for one step of a launch, swapping and all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Preparing waits until the app just launched has had the processor for its own start.
const REST: Duration = Duration::from_millis(100);

/// How the launcher is started and used.
#[derive(Clone, Debug, Default)]
pub struct LauncherConfig {
    /// The launcher program; `None` searches `$GRANARY_LIBEXEC`, the folder of the running program and
    /// `../lib/granary` beside it.
    pub program: Option<PathBuf>,
    /// How many sandboxes are kept prepared, so that opening a grain costs little more than an exec. Each takes about
    /// 280 KiB of kernel memory.
    pub prepared: usize,
    /// Where memory, process and processor limits come from.
    pub delegation: Delegation,
}

/// The handle of the launcher program. Clones share it; when the last one goes, the launcher ends, and with it every
/// sandbox.
#[derive(Clone)]
pub struct Launcher {
    inner: Arc<Inner>,
}

impl fmt::Debug for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launcher").field("program", &self.inner.program).finish_non_exhaustive()
    }
}

struct Inner {
    program: PathBuf,
    prepared: usize,
    delegation: Delegation,
    cgroups: OnceCell<Result<Cgroups, String>>,
    connection: tokio::sync::Mutex<Option<Connection>>,
    pool: Mutex<VecDeque<Blank>>,
    refilling: AtomicBool,
    last_id: AtomicU32,
}

/// The running launcher program.
struct Connection {
    socket: OwnedFd,
    child: Child,
}

/// A sandbox that has not been told what to run.
struct Blank {
    socket: OwnedFd,
    pidfd: OwnedFd,
    pid: u32,
    cgroup: Option<Leaf>,
}

impl LauncherConfig {
    fn program(&self) -> Result<PathBuf, Error> {
        if let Some(program) = &self.program {
            return if program.is_file() { Ok(program.clone()) } else { Err(Error::NoLauncher(vec![program.clone()])) };
        }
        let mut folders = Vec::new();
        folders.extend(std::env::var_os("GRANARY_LIBEXEC").map(PathBuf::from));
        if let Some(own) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
            folders.push(own.to_owned());
            folders.push(own.join("../lib/granary"));
        }
        folders
            .iter()
            .map(|folder| folder.join("granary-launcher"))
            .find(|program| program.is_file())
            .ok_or(Error::NoLauncher(folders))
    }
}

impl Launcher {
    /// Starts the launcher program. Needs no async runtime, and is best called before there are many threads.
    pub fn start(config: &LauncherConfig) -> Result<Self, Error> {
        let program = config.program()?;
        let connection = Connection::open(&program)?;
        Ok(Self {
            inner: Arc::new(Inner {
                program,
                prepared: config.prepared,
                delegation: config.delegation.clone(),
                cgroups: OnceCell::new(),
                connection: tokio::sync::Mutex::new(Some(connection)),
                pool: Mutex::new(VecDeque::new()),
                refilling: AtomicBool::new(false),
                last_id: AtomicU32::new(0),
            }),
        })
    }

    /// Where cgroup limits come from, or in a sentence why there are none. Asks the user's systemd at the first call;
    /// the first launch does the same.
    pub async fn delegation(&self) -> Result<&Path, &str> {
        match self.inner.cgroups().await {
            Ok(cgroups) => Ok(cgroups.path()),
            Err(reason) => Err(reason),
        }
    }

    /// Makes the prepared sandboxes that are missing. Launches do it by themselves afterwards; call it once at start.
    pub async fn prepare(&self) -> Result<(), Error> {
        self.inner.refill().await
    }

    /// Runs a program in a sandbox of its own. Returns once the program's first instruction is due.
    pub async fn launch(&self, launch: Launch) -> Result<Sandbox, Error> {
        let sandbox = self.inner.launch(launch, 0).await?;
        if self.inner.prepared > 0 && !self.inner.refilling.swap(true, Ordering::AcqRel) {
            let inner = self.inner.clone();
            tokio::spawn(async move {
                tokio::time::sleep(REST).await;
                let outcome = inner.refill().await;
                inner.refilling.store(false, Ordering::Release);
                if let Err(error) = outcome {
                    tracing::warn!(%error, "cannot prepare a sandbox");
                }
            });
        }
        Ok(sandbox)
    }

    /// The launcher program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.inner.program
    }

    /// For tests of each fence alone: launches with fences missing (`protocol::WITHOUT_*`). Only the launcher that the
    /// hostile tests build for themselves agrees; the one that ships has no code for it and answers EINVAL.
    #[doc(hidden)]
    pub async fn launch_without(&self, launch: Launch, fences: u32) -> Result<Sandbox, Error> {
        self.inner.launch(launch, fences & WITHOUT_ANY).await
    }

    /// The launcher's process id, while it runs.
    pub async fn pid(&self) -> Option<u32> {
        self.inner.connection.lock().await.as_ref().map(|connection| connection.child.id())
    }
}

impl Connection {
    fn open(program: &Path) -> Result<Self, Error> {
        let (ours, theirs) = socket::pair()?;
        // Command uses posix_spawn here: nothing of this process runs in the child. The launcher's whole environment
        // is its socket.
        let child = Command::new(program)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| Error::LauncherStart { program: program.to_owned(), error })?;
        Ok(Self { socket: ours, child })
    }

    /// Asks for one sandbox. Not cancelled in between, an answer that nobody waited for is skipped by its id.
    async fn create(
        &self,
        request: Create,
        fds: &[std::os::fd::BorrowedFd<'_>],
    ) -> io::Result<(Created, Option<OwnedFd>)> {
        socket::send(&self.socket, &request.encode(), fds)?;
        let socket = socket::register(self.socket.as_fd())?;
        loop {
            let (message, fds) = socket::receive(&socket).await?;
            match Created::decode(&message) {
                Some(answer) if answer.id == request.id => return Ok((answer, fds.into_iter().next())),
                Some(_) => {}
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The end of file ends it; this is for the case that it is stopped or stuck.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Inner {
    fn pool(&self) -> MutexGuard<'_, VecDeque<Blank>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn cgroups(&self) -> Result<&Cgroups, &str> {
        let cgroups = self.cgroups.get_or_init(|| async {
            let mut pids = vec![std::process::id()];
            pids.extend(self.connection.lock().await.as_ref().map(|connection| connection.child.id()));
            let cgroups = Cgroups::delegate(&self.delegation, &pids).await;
            if let Err(reason) = &cgroups {
                tracing::info!(reason, "grains are limited without cgroups");
            }
            cgroups
        });
        cgroups.await.as_ref().map_err(String::as_str)
    }

    async fn refill(&self) -> Result<(), Error> {
        while self.pool().len() < self.prepared {
            let blank = self.create(0).await?;
            self.pool().push_back(blank);
        }
        Ok(())
    }

    /// Has the launcher make a sandbox; starts another launcher if the old one is gone.
    async fn create(&self, fences: u32) -> Result<Blank, Error> {
        let (ours, theirs) = socket::pair()?;
        self.create_with(ours, &theirs, fences, None).await
    }

    async fn create_with(
        &self,
        ours: OwnedFd,
        theirs: &OwnedFd,
        fences: u32,
        limits: Option<&Limits>,
    ) -> Result<Blank, Error> {
        let cgroup = match self.cgroups().await {
            Ok(cgroups) => Some(cgroups.leaf()?),
            Err(_) => None,
        };
        if let (Some(cgroup), Some(limits)) = (&cgroup, limits) {
            cgroup.set(limits)?;
        }
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        let mut flags = fences;
        let mut fds = vec![theirs.as_fd()];
        if let Some(cgroup) = &cgroup {
            flags |= CREATE_CGROUP;
            fds.push(cgroup.fd());
        }
        let request = Create { id, flags };

        let mut connection = self.connection.lock().await;
        let mut answer = None;
        // Twice, because the first attempt may be the one that finds the launcher dead.
        for _ in 0..2 {
            let launcher = match &mut *connection {
                Some(launcher) => launcher,
                none => {
                    let launcher = Connection::open(&self.program)?;
                    if let Ok(cgroups) = self.cgroups().await {
                        cgroups.adopt(launcher.child.id())?;
                    }
                    none.insert(launcher)
                }
            };
            match tokio::time::timeout(PATIENCE, launcher.create(request, &fds)).await {
                Ok(Ok(created)) => {
                    answer = Some(created);
                    break;
                }
                Ok(Err(error)) => tracing::warn!(%error, "the launcher is gone; starting another"),
                Err(_) => tracing::warn!("the launcher does not answer; starting another"),
            }
            *connection = None;
        }
        drop(connection);
        match answer {
            None => Err(Error::LauncherGone),
            Some((Created { errno: 0, pid, .. }, Some(pidfd))) => {
                Ok(Blank { socket: ours, pidfd, pid: pid.cast_unsigned(), cgroup })
            }
            Some((Created { errno, .. }, _)) => Err(Error::refused(Step::Clone, errno)),
        }
    }

    async fn launch(&self, launch: Launch, fences: u32) -> Result<Sandbox, Error> {
        let trees = Trees::open(&launch)?;
        let message = encode(&launch, trees.is_some(), self.cgroups().await.is_ok())?;
        let mut fds = vec![launch.api.as_fd(), launch.log.as_fd()];
        if let Some(trees) = &trees {
            fds.push(trees.package.as_fd());
            fds.push(trees.var.as_fd());
        }

        if fences == 0 {
            // A prepared one may have died meanwhile; then the next is tried.
            while let Some(blank) = { self.pool().pop_front() } {
                if let Some(cgroup) = &blank.cgroup {
                    cgroup.set(&launch.limits)?;
                }
                if socket::send(&blank.socket, &message, &fds).is_ok()
                    && let Some(sandbox) = begin(blank, &launch).await?
                {
                    return Ok(sandbox);
                }
            }
        }
        let (ours, theirs) = socket::pair()?;
        socket::send(&ours, &message, &fds)?;
        let blank = self.create_with(ours, &theirs, fences, Some(&launch.limits)).await?;
        // Or its end of file would never be seen.
        drop(theirs);
        begin(blank, &launch).await?.ok_or(Error::Killed)
    }
}

/// Waits until a sandbox that knows what to run has begun. `None` if it died before.
async fn begin(blank: Blank, launch: &Launch) -> Result<Option<Sandbox>, Error> {
    let sandbox = Sandbox::new(blank.socket, blank.pidfd, blank.pid, blank.cgroup)?;
    match tokio::time::timeout(PATIENCE, sandbox.beginning()).await {
        Ok(Ok(Beginning::Started)) => {
            tracing::debug!(name = launch.name, pid = sandbox.pid(), "a sandbox runs");
            Ok(Some(sandbox))
        }
        Ok(Ok(Beginning::Failed(step, errno))) => Err(Error::step(step, errno, launch)),
        Ok(Ok(Beginning::Gone)) | Err(_) => Ok(None),
        Ok(Err(error)) => Err(error.into()),
    }
}

/// The package and /var as detached mounts, opened by root on behalf of an id that may not walk the paths.
struct Trees {
    package: OwnedFd,
    var: OwnedFd,
}

impl Trees {
    /// `None` where paths do: the appliance is not root, or root of a container that may not clone mounts.
    fn open(launch: &Launch) -> Result<Option<Self>, Error> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        match (clone_tree(&launch.package), clone_tree(&launch.var)) {
            (Ok(package), Ok(var)) => Ok(Some(Self { package, var })),
            (Err(error), _) if error.raw_os_error() == Some(libc::EPERM) => Ok(None),
            (Err(error), _) => Err(Error::Folder { path: launch.package.clone(), error }),
            (_, Err(error)) => Err(Error::Folder { path: launch.var.clone(), error }),
        }
    }
}

fn clone_tree(path: &Path) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC
    let flags = 1 | libc::O_CLOEXEC | libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: the path is a NUL-terminated string that outlives the call, and a result is a fresh descriptor of ours.
    unsafe {
        let fd = libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        #[allow(clippy::cast_possible_truncation, reason = "descriptors are ints")]
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

fn encode(launch: &Launch, trees: bool, cgroups: bool) -> Result<Vec<u8>, Error> {
    let Launch { package, var, argv, env, limits, .. } = launch;
    let Limits { memory, processes, .. } = *limits;
    if argv.is_empty() {
        return Err(Error::Invalid("it is empty"));
    }
    if !package.is_absolute() || !var.is_absolute() {
        return Err(Error::Invalid("its folders are not absolute paths"));
    }
    if argv.len() + env.len() > WORDS_MAX {
        return Err(Error::Invalid("it has more than 4096 words"));
    }
    let count = |n: usize| u32::try_from(n).map_err(|_| Error::Invalid("it has too many words"));
    let header = LaunchHeader {
        flags: if trees { LAUNCH_TREES } else { 0 },
        argc: count(argv.len())?,
        envc: count(env.len())?,
        processes,
        // Only where nothing better holds: it counts address space that may never be used.
        data: if cgroups { 0 } else { memory.saturating_mul(2) },
    };
    let mut message = header.encode().to_vec();
    let mut string = |parts: &[&OsStr]| -> Result<(), Error> {
        for part in parts {
            if part.as_bytes().contains(&0) {
                return Err(Error::Invalid("a word of it has a NUL byte"));
            }
            message.extend_from_slice(part.as_bytes());
        }
        message.push(0);
        Ok(())
    };
    string(&[package.as_os_str()])?;
    string(&[var.as_os_str()])?;
    for argument in argv {
        string(&[argument])?;
    }
    for (name, value) in env {
        string(&[name, OsStr::new("="), value])?;
    }
    if message.len() > LAUNCH_MAX {
        return Err(Error::Invalid("its command line and environment are longer than 128 KiB"));
    }
    Ok(message)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    impl Launcher {
        /// With cgroups that systemd has not given.
        pub(crate) fn with_cgroups(self, cgroups: Cgroups) -> Self {
            assert!(self.inner.cgroups.set(Ok(cgroups)).is_ok(), "cgroups are set once");
            self
        }
    }

    fn guests() -> PathBuf {
        let folder = std::env::var_os("GRANARY_LIBEXEC").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest/bin").canonicalize().unwrap_or_default(),
            PathBuf::from,
        );
        assert!(folder.join("granary-hostile").is_file(), "no guests in {}; run `make guests`", folder.display());
        folder
    }

    pub(crate) fn launcher() -> Launcher {
        let program = Some(guests().join("granary-launcher"));
        Launcher::start(&LauncherConfig { program, ..LauncherConfig::default() }).expect("launcher")
    }

    /// A guest that stays, the folder of all guests being its package.
    pub(crate) fn lingering() -> (Launch, UnixStream, UnixStream) {
        let (log, guests_log) = UnixStream::pair().expect("pair");
        let (api, guests_api) = UnixStream::pair().expect("pair");
        let launch = Launch {
            name: "linger".into(),
            package: guests(),
            var: guests(),
            argv: vec!["/granary-hostile".into(), "linger".into()],
            env: Vec::new(),
            api: guests_api.into(),
            log: guests_log.into(),
            limits: Limits::default(),
        };
        (launch, log, api)
    }
}
