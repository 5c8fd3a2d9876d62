//! Memory, process and processor limits: one delegated scope of systemd, one cgroup below it for each sandbox.

use std::{
    fs, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use zbus::zvariant::{OwnedObjectPath, Value};

use crate::{launch::Limits, outside::outside_ids};

/// The controllers a sandbox is limited with.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// How long systemd may take to make the scope.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where cgroup limits come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Delegation {
    /// The systemd of the session (or of the system, for root), over D-Bus, where there is one.
    #[default]
    Systemd,
    /// As above, with another bus address and another root of the cgroup file system.
    SystemdAt {
        /// A D-Bus address.
        bus: String,
        /// The folder where the cgroup file system is mounted.
        root: PathBuf,
    },
    /// None: rlimits only.
    Off,
}

/// A delegated scope.
#[derive(Debug)]
pub(crate) struct Cgroups {
    scope: PathBuf,
    controllers: Vec<&'static str>,
    last: AtomicU32,
    /// Cgroups that could not be removed yet, because the kernel was still emptying them.
    leftovers: Arc<Mutex<Vec<PathBuf>>>,
}

/// The cgroup of one sandbox. A fresh one for each start: once `cgroup.kill` was used on a cgroup, the kernel kills
/// every later child at its birth (seen on 6.12 and 6.18).
#[derive(Debug)]
pub(crate) struct Leaf {
    path: PathBuf,
    dir: OwnedFd,
    controllers: Vec<&'static str>,
    leftovers: Arc<Mutex<Vec<PathBuf>>>,
}

impl Cgroups {
    /// Asks systemd for a scope around the given processes, moves them into a child of it, and switches the
    /// controllers on for its siblings-to-be. The error is a sentence.
    pub(crate) async fn delegate(delegation: &Delegation, pids: &[u32]) -> Result<Self, String> {
        let (bus, root) = match delegation {
            Delegation::Off => return Err("limits by cgroups are switched off".into()),
            Delegation::SystemdAt { bus, root } => (bus.clone(), root.clone()),
            Delegation::Systemd => {
                let root = mounted().ok_or("this computer has no unified cgroup file system")?;
                (bus_address().ok_or("no session bus was found")?, root)
            }
        };
        let path = tokio::time::timeout(PATIENCE, scope(&bus, pids))
            .await
            .map_err(|_| "systemd did not make the scope in time".to_owned())?
            .map_err(|error| format!("systemd gave no delegated scope: {error}"))?;
        let scope = root.join(path.trim_start_matches('/'));
        Self::enter(scope, pids).map_err(|error| format!("the delegated cgroup cannot be used: {error}"))
    }

    fn enter(scope: PathBuf, pids: &[u32]) -> io::Result<Self> {
        let offered = fs::read_to_string(scope.join("cgroup.controllers"))?;
        let controllers: Vec<_> =
            CONTROLLERS.into_iter().filter(|name| offered.split_whitespace().any(|c| c == *name)).collect();
        if controllers.is_empty() {
            return Err(io::Error::other("systemd delegates none of memory, pids and cpu"));
        }
        let this = Self { scope, controllers, last: AtomicU32::new(0), leftovers: Arc::default() };
        // Controllers can only be switched on below a cgroup that has no processes of its own.
        fs::create_dir(this.own())?;
        for pid in pids {
            this.adopt(*pid)?;
        }
        let on: Vec<_> = this.controllers.iter().map(|name| format!("+{name}")).collect();
        fs::write(this.scope.join("cgroup.subtree_control"), on.join(" "))?;
        this.give(&this.scope)?;
        Ok(this)
    }

    fn own(&self) -> PathBuf {
        self.scope.join("appliance")
    }

    /// Moves a process beside the appliance, from where it may put children into sandboxes' cgroups.
    pub(crate) fn adopt(&self, pid: u32) -> io::Result<()> {
        fs::write(self.own().join("cgroup.procs"), pid.to_string())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.scope
    }

    /// Lets the launcher, which never is root, put processes there; the kernel asks for the common ancestor too.
    fn give(&self, cgroup: &Path) -> io::Result<()> {
        let (uid, gid) = outside_ids();
        if uid == nix::unistd::Uid::effective().as_raw() {
            return Ok(());
        }
        std::os::unix::fs::chown(cgroup.join("cgroup.procs"), Some(uid), Some(gid))
    }

    /// Makes a fresh cgroup.
    pub(crate) fn leaf(&self) -> io::Result<Leaf> {
        self.leftovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|path| fs::remove_dir(path).is_err_and(|e| e.kind() != io::ErrorKind::NotFound));
        let path = self.scope.join(format!("grain-{}", self.last.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&path)?;
        let leaf = Leaf {
            dir: fs::File::open(&path)?.into(),
            path,
            controllers: self.controllers.clone(),
            leftovers: self.leftovers.clone(),
        };
        self.give(&leaf.path)?;
        Ok(leaf)
    }
}

impl Leaf {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder, for CLONE_INTO_CGROUP.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Sets the limits; those of controllers that are not delegated are left out.
    pub(crate) fn set(&self, limits: &Limits) -> io::Result<()> {
        let quota = match limits.cpu_percent {
            Some(percent) => format!("{} 100000", u64::from(percent.max(1)) * 1000),
            None => "max 100000".to_owned(),
        };
        let values = [
            ("memory", "memory.max", limits.memory.to_string()),
            // One process too many dies with the whole sandbox: half an app is worse than a restarted one.
            ("memory", "memory.oom.group", "1".to_owned()),
            ("pids", "pids.max", limits.processes.to_string()),
            ("cpu", "cpu.weight", limits.cpu_weight.clamp(1, 10_000).to_string()),
            ("cpu", "cpu.max", quota),
        ];
        for (controller, file, value) in values {
            if self.controllers.contains(&controller) {
                fs::write(self.path.join(file), value)?;
            }
        }
        // Absent where the kernel has no swap accounting.
        if self.controllers.contains(&"memory") {
            match fs::OpenOptions::new().write(true).open(self.path.join("memory.swap.max")) {
                Ok(mut file) => io::Write::write_all(&mut file, limits.swap.to_string().as_bytes())?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Kills all processes inside.
    pub(crate) fn kill(&self) {
        if let Err(error) = fs::write(self.path.join("cgroup.kill"), "1") {
            tracing::debug!(cgroup = %self.path.display(), %error, "cannot kill by cgroup");
        }
    }

    /// Whether the kernel killed something inside for want of memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        fs::read_to_string(self.path.join("memory.events")).is_ok_and(|events| {
            events.lines().any(|line| {
                line.strip_prefix("oom_kill ").is_some_and(|count| count.trim().parse::<u64>().is_ok_and(|n| n > 0))
            })
        })
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        if fs::remove_dir(&self.path).is_err() {
            self.leftovers.lock().unwrap_or_else(PoisonError::into_inner).push(self.path.clone());
        }
    }
}

/// Where the unified hierarchy is mounted.
fn mounted() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        right.starts_with("cgroup2 ").then(|| left.split(' ').nth(4).map(PathBuf::from))?
    })
}

/// The bus where this user's systemd listens.
fn bus_address() -> Option<String> {
    if nix::unistd::Uid::effective().is_root() {
        let socket = Path::new("/run/dbus/system_bus_socket");
        return socket.exists().then(|| format!("unix:path={}", socket.display()));
    }
    if let Some(address) = std::env::var("DBUS_SESSION_BUS_ADDRESS").ok().filter(|address| !address.is_empty()) {
        return Some(address);
    }
    let socket = PathBuf::from(format!("/run/user/{}/bus", nix::unistd::Uid::effective()));
    socket.exists().then(|| format!("unix:path={}", socket.display()))
}

/// Asks for the scope, waits until its job is done, and says its path in the cgroup file system.
async fn scope(bus: &str, pids: &[u32]) -> zbus::Result<String> {
    const NAME: &str = "org.freedesktop.systemd1";
    let bus = zbus::connection::Builder::address(bus)?.build().await?;
    let systemd: zbus::Proxy<'_> = zbus::proxy::Builder::new(&bus)
        .destination(NAME)?
        .path("/org/freedesktop/systemd1")?
        .interface("org.freedesktop.systemd1.Manager")?
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    // Before the request, or its end could be missed.
    let mut finished = systemd.receive_signal("JobRemoved").await?;
    systemd.call::<_, _, ()>("Subscribe", &()).await?;
    let unit = format!("granary-{}.scope", std::process::id());
    let properties: Vec<(&str, Value<'_>)> = vec![
        ("Description", Value::from("Granary and its grains")),
        ("PIDs", Value::from(pids.to_vec())),
        ("Delegate", Value::from(true)),
        // A failed scope must not stay in the way of the next.
        ("CollectMode", Value::from("inactive-or-failed")),
    ];
    let none: Vec<(&str, Vec<(&str, Value<'_>)>)> = Vec::new();
    let job: OwnedObjectPath = systemd.call("StartTransientUnit", &(unit.as_str(), "fail", properties, none)).await?;
    loop {
        let signal = finished.next().await.ok_or_else(|| zbus::Error::Failure("the bus closed".into()))?;
        let (_, path, _, result): (u32, OwnedObjectPath, String, String) = signal.body().deserialize()?;
        if path == job {
            if result != "done" {
                return Err(zbus::Error::Failure(format!("its job ended with \"{result}\"")));
            }
            break;
        }
    }
    let path: OwnedObjectPath = systemd.call("GetUnit", &(unit.as_str(),)).await?;
    let unit: zbus::Proxy<'_> = zbus::proxy::Builder::new(&bus)
        .destination(NAME)?
        .path(path)?
        .interface("org.freedesktop.systemd1.Scope")?
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    unit.get_property("ControlGroup").await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(controllers: &[&'static str]) -> (tempfile::TempDir, Cgroups) {
        let folder = tempfile::tempdir().expect("folder");
        let cgroups = Cgroups {
            scope: folder.path().to_owned(),
            controllers: controllers.to_vec(),
            last: AtomicU32::new(0),
            leftovers: Arc::default(),
        };
        (folder, cgroups)
    }

    /// A leaf of plain files.
    fn leaf(cgroups: &Cgroups) -> Leaf {
        let path = cgroups.scope.join("grain-0");
        fs::create_dir_all(&path).expect("folder");
        fs::write(path.join("memory.swap.max"), "").expect("file");
        Leaf {
            dir: fs::File::open(&path).expect("folder").into(),
            path,
            controllers: cgroups.controllers.clone(),
            leftovers: cgroups.leftovers.clone(),
        }
    }

    #[test]
    fn limits_are_written_for_the_controllers_there_are() {
        let limits = Limits { memory: 1 << 20, swap: 4096, processes: 7, cpu_weight: 20_000, cpu_percent: Some(150) };
        for (controllers, expected) in [
            (
                &["memory", "pids", "cpu"][..],
                "cpu.max=150000 100000 cpu.weight=10000 memory.max=1048576 memory.oom.group=1 memory.swap.max=4096 pids.max=7",
            ),
            (&["pids"], "memory.swap.max= pids.max=7"),
        ] {
            let (_folder, cgroups) = tree(controllers);
            let leaf = leaf(&cgroups);
            leaf.set(&limits).expect("limits");
            let mut found: Vec<_> = fs::read_dir(leaf.path())
                .expect("folder")
                .flatten()
                .map(|file| {
                    let value = fs::read_to_string(file.path()).expect("file");
                    format!("{}={value}", file.file_name().to_string_lossy())
                })
                .collect();
            found.sort();
            assert_eq!(found.join(" "), expected);
        }
    }

    #[test]
    fn memory_kills_are_read_from_the_events() {
        let (_folder, cgroups) = tree(&["memory"]);
        let leaf = leaf(&cgroups);
        for (events, expected) in [
            ("low 0\nhigh 0\nmax 9\noom 1\noom_kill 0\noom_group_kill 0\n", false),
            ("low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 1\n", true),
        ] {
            fs::write(leaf.path().join("memory.events"), events).expect("file");
            assert_eq!(leaf.ran_out_of_memory(), expected, "{events}");
        }
    }

    /// On the kernel's own cgroups, without controllers: being born inside, kill, a fresh one for each.
    #[tokio::test]
    async fn sandboxes_are_born_in_their_cgroups() {
        let Some(root) = mounted().filter(|_| nix::unistd::Uid::effective().is_root()) else {
            eprintln!("skipped: sandboxes_are_born_in_their_cgroups, which needs root and a cgroup2 mount");
            return;
        };
        let scope = root.join(format!("granary-test-{}", std::process::id()));
        if let Err(error) = fs::create_dir(&scope) {
            eprintln!("skipped: sandboxes_are_born_in_their_cgroups, because no cgroup can be made here: {error}");
            return;
        }
        let cgroups = Cgroups {
            scope: scope.clone(),
            controllers: Vec::new(),
            last: AtomicU32::new(0),
            leftovers: Arc::default(),
        };
        cgroups.give(&scope).expect("give");
        fs::create_dir(cgroups.own()).expect("cgroup");
        let launcher = crate::launcher::tests::launcher();
        cgroups.adopt(launcher.pid().await.expect("pid")).expect("adopt");
        let launcher = launcher.with_cgroups(cgroups);

        let mut seen = Vec::new();
        for _ in 0..3 {
            let (launch, _log, _api) = crate::launcher::tests::lingering();
            let sandbox = launcher.launch(launch).await.expect("launch");
            let path = sandbox.cgroup().expect("cgroup").to_owned();
            let members = fs::read_to_string(path.join("cgroup.procs")).expect("members");
            assert!(members.lines().any(|pid| pid == sandbox.pid().to_string()), "{members}");
            assert_eq!(members.lines().count(), 2, "init and app: {members}");
            sandbox.kill();
            assert_eq!(sandbox.wait().await, crate::Exit::Killed);
            assert!(!seen.contains(&path), "a cgroup was used twice");
            seen.push(path);
        }
        drop(launcher);
        for path in seen.iter().chain([&scope.join("appliance"), &scope]) {
            // The kernel empties a cgroup a moment after its last process.
            let start = std::time::Instant::now();
            while path.exists() && fs::remove_dir(path).is_err() {
                assert!(start.elapsed() < Duration::from_secs(10), "{} cannot be removed", path.display());
                tokio::task::yield_now().await;
            }
        }
    }
}
