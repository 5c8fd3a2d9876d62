//! Says whether this computer gives what a sandbox needs, from observations that tests can record.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Launch, Launcher, LauncherConfig, Limits,
    entry::{Entry, Severity, codes},
    launch::Exit,
    protocol::Step,
};

/// What was seen of this computer. A plain value, so that the answers of other computers can be recorded and tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observations {
    /// The kernel's release, as uname says it.
    pub kernel: String,
    /// user.max_user_namespaces; absent where the kernel was built without them.
    pub max_user_namespaces: Option<u64>,
    /// kernel.unprivileged_userns_clone, a setting of Debian's kernels.
    pub unprivileged_userns_clone: Option<u64>,
    /// kernel.apparmor_restrict_unprivileged_userns, a setting of Ubuntu's kernels.
    pub apparmor_restrict: Option<u64>,
    /// The security module's label of this process.
    pub label: Option<String>,
    /// What says that this is a container, or "chroot".
    pub container: Option<String>,
    /// Whether the kernel has system-call filters.
    pub seccomp: bool,
    /// Landlock's version; absent where it is missing or switched off.
    pub landlock: Option<u32>,
    /// The delegated cgroup, or why there is none.
    pub delegation: Option<Result<String, String>>,
    /// What a trial sandbox gave.
    pub probe: Option<Probe>,
}

/// The end of a trial sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// It ran and ended as it should.
    Ran,
    /// A step failed with an errno.
    Failed {
        /// What the step was doing.
        doing: String,
        /// The step's number in [`Step::ALL`].
        step: u32,
        /// The errno.
        errno: i32,
    },
    /// The launcher is missing or does not start.
    NoLauncher(String),
    /// Another failure.
    Other(String),
}

/// The oldest kernel that has all calls used: mount_setattr came with 5.12.
const OLDEST: (u32, u32) = (5, 12);

const HOW_TO_KEEP: &str = "put the setting in a file below /etc/sysctl.d to keep it";

/// Looks at this computer, runs a trial sandbox, and says what was found: every check, good or bad, errors first in
/// the order in which they would have to be mended.
pub async fn doctor(config: &LauncherConfig) -> Vec<Entry> {
    let mut seen = Observations::read();
    match Launcher::start(config) {
        Err(error) => seen.probe = Some(Probe::NoLauncher(error.to_string())),
        Ok(launcher) => {
            seen.delegation =
                Some(launcher.delegation().await.map(|path| path.display().to_string()).map_err(str::to_owned));
            seen.probe = Some(probe(&launcher).await);
        }
    }
    seen.entries()
}

/// Runs the launcher program itself as a guest: its folder is the package, and with `--probe` it ends at once.
async fn probe(launcher: &Launcher) -> Probe {
    let program = launcher.program();
    let (Some(folder), Some(name)) = (program.parent(), program.file_name()) else {
        return Probe::Other(format!("{} has no folder", program.display()));
    };
    let null = || fs::OpenOptions::new().read(true).write(true).open("/dev/null");
    let (api, log) = match (null(), null()) {
        (Ok(api), Ok(log)) => (api.into(), log.into()),
        (Err(error), _) | (_, Err(error)) => return Probe::Other(format!("/dev/null cannot be opened: {error}")),
    };
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let launch = Launch {
        name: "doctor".into(),
        var: folder.clone(),
        package: folder,
        argv: vec![name.to_owned(), "--probe".into()],
        env: Vec::new(),
        api,
        log,
        limits: Limits::default(),
    };
    match launcher.launch(launch).await {
        Ok(sandbox) => match sandbox.wait().await {
            Exit::Code(0) => Probe::Ran,
            other => Probe::Other(format!("the trial sandbox {other}")),
        },
        Err(Error::Refused { step, errno, .. }) => {
            Probe::Failed { doing: step.doing().into(), step: step as u32, errno }
        }
        Err(error @ (Error::NoLauncher(_) | Error::LauncherStart { .. })) => Probe::NoLauncher(error.to_string()),
        Err(error) => Probe::Other(error.to_string()),
    }
}

impl Observations {
    /// Looks at this computer; runs nothing.
    #[must_use]
    pub fn read() -> Self {
        let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse().ok();
        Self {
            kernel: nix::sys::utsname::uname().map(|u| u.release().to_string_lossy().into_owned()).unwrap_or_default(),
            max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            unprivileged_userns_clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
            apparmor_restrict: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            label: fs::read_to_string("/proc/self/attr/current")
                .ok()
                .map(|label| label.trim_matches(['\0', '\n']).to_owned())
                .filter(|label| !label.is_empty()),
            container: container(),
            seccomp: Path::new("/proc/sys/kernel/seccomp").exists(),
            landlock: landlock(),
            delegation: None,
            probe: None,
        }
    }

    /// Every check. The one that a failed trial points to is marked, even if its own observation looked good.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![
            self.launcher(),
            self.kernel(),
            self.namespaces(),
            self.unprivileged(),
            self.apparmor(),
            self.container(),
            self.seccomp(),
            self.resources(),
        ];
        let trial = Entry::new(codes::TRIAL, "A trial sandbox", Severity::Error);
        let trial = match &self.probe {
            Some(Probe::Ran) => {
                // What looked like a hindrance was none.
                for entry in &mut entries {
                    if !entry.ok {
                        entry.severity = Severity::Info;
                        *entry =
                            entry.clone().good("This could have kept sandboxes from starting here, but they do start.");
                    }
                }
                trial.good("A trial sandbox started and ended as it should.")
            }
            Some(Probe::Failed { step, errno, .. }) => {
                let step = Step::ALL.get(*step as usize).copied().unwrap_or(Step::Clone);
                let cause = self.explain(step, *errno);
                if let Some(entry) = entries.iter_mut().find(|entry| entry.code == cause.code) {
                    *entry = cause.clone();
                }
                if cause.code == codes::TRIAL {
                    cause
                } else {
                    trial.bad(
                        format!("A trial sandbox failed while {}: {}.", step.doing(), errno_text(*errno)),
                        format!("Mend \"{}\" first.", cause.title),
                    )
                }
            }
            Some(Probe::NoLauncher(_)) => trial.bad("No trial sandbox could be run.", "Mend the launcher first."),
            Some(Probe::Other(text)) => {
                trial.bad(format!("A trial sandbox failed: {text}."), "Report this with the output of this command.")
            }
            None => trial.good("No trial sandbox was run."),
        };
        entries.push(trial);
        entries.push(self.limits());
        entries.push(self.landlock());
        entries
    }

    /// The entry that a failed step stands for.
    #[must_use]
    pub fn explain(&self, step: Step, errno: i32) -> Entry {
        let what = format!("{} failed: {}", capital(step.doing()), errno_text(errno));
        let candidates = [self.kernel(), self.namespaces(), self.unprivileged(), self.apparmor(), self.container()];
        let [kernel, namespaces, unprivileged, apparmor, container] = candidates;
        let namespaced = step <= Step::Pivot;
        let first_bad = |entries: &[&Entry]| entries.iter().find(|entry| !entry.ok).map(|entry| (*entry).clone());
        let found = match errno {
            libc::ENOSPC if step == Step::Clone => Some(if namespaces.ok {
                namespaces.bad(
                    "The limit of user namespaces is reached, or they are nested too deeply.",
                    format!(
                        "Close other sandboxed programs, or raise it: sudo sysctl user.max_user_namespaces=65536 ({HOW_TO_KEEP})."
                    ),
                )
            } else {
                namespaces
            }),
            libc::EACCES if namespaced => Some(if apparmor.ok { refused_by_module(apparmor, self) } else { apparmor }),
            libc::EPERM if namespaced => first_bad(&[&unprivileged, &apparmor, &container]),
            libc::ENOSYS => first_bad(&[&kernel, &container]),
            libc::EINVAL if step == Step::Filter => Some(self.seccomp()).filter(|entry| !entry.ok),
            libc::EINVAL => first_bad(&[&kernel, &namespaces]),
            libc::ENOMEM | libc::EAGAIN | libc::EMFILE | libc::ENFILE | libc::ENOSPC => {
                Some(Entry::new(codes::RESOURCES, "Memory and processes", Severity::Error).bad(
                    format!("{what}."),
                    "Close programs, or raise the limit on your processes and open files, and try again.",
                ))
            }
            _ => None,
        };
        found.unwrap_or_else(|| {
            Entry::new(codes::TRIAL, "A trial sandbox", Severity::Error)
                .bad(format!("{what}."), "Report this with the output of `granary doctor`.")
        })
    }

    fn launcher(&self) -> Entry {
        let entry = Entry::new(codes::LAUNCHER, "The launcher program", Severity::Error);
        match &self.probe {
            Some(Probe::NoLauncher(text)) => {
                entry.bad(format!("{}.", capital(text)), "Reinstall Granary, or build it with `make build`.")
            }
            _ => entry.good("The launcher program is there."),
        }
    }

    fn kernel(&self) -> Entry {
        let entry = Entry::new(codes::KERNEL, "Linux kernel", Severity::Error);
        let mut numbers = self.kernel.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse::<u32>().ok());
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if version < OLDEST {
            entry.bad(
                format!("Linux {} is too old; sandboxes need {}.{} or newer.", self.kernel, OLDEST.0, OLDEST.1),
                "Update the system to a release with a newer kernel, such as Debian 12 or Ubuntu 22.04.",
            )
        } else {
            entry.good(format!("Linux {} has every call that sandboxes need.", self.kernel))
        }
    }

    fn namespaces(&self) -> Entry {
        let entry = Entry::new(codes::NAMESPACES, "User namespaces", Severity::Error);
        match self.max_user_namespaces {
            None => entry.bad("This kernel was built without user namespaces.", "Use your distribution's own kernel."),
            Some(0) => entry.bad(
                "User namespaces are switched off (user.max_user_namespaces is 0).",
                format!("Switch them on: sudo sysctl user.max_user_namespaces=65536 ({HOW_TO_KEEP})."),
            ),
            Some(limit) => entry.good(format!("User namespaces are on (up to {limit}).")),
        }
    }

    fn unprivileged(&self) -> Entry {
        let entry = Entry::new(codes::UNPRIVILEGED, "Namespaces for everybody", Severity::Error);
        match self.unprivileged_userns_clone {
            Some(0) => entry.bad(
                "This computer keeps user namespaces for root (kernel.unprivileged_userns_clone is 0).",
                format!("Allow them: sudo sysctl kernel.unprivileged_userns_clone=1 ({HOW_TO_KEEP})."),
            ),
            _ => entry.good("Ordinary users may make user namespaces."),
        }
    }

    fn apparmor(&self) -> Entry {
        let entry = Entry::new(codes::APPARMOR, "AppArmor", Severity::Error);
        match self.apparmor_restrict {
            Some(1..) => entry.bad(
                "AppArmor keeps user namespaces from programs that it does not know \
                 (kernel.apparmor_restrict_unprivileged_userns is set).",
                "Install Granary's package, which brings an AppArmor profile for its launcher. When running from a source \
                 tree, copy runtime/sandbox/policy/apparmor to /etc/apparmor.d/granary-launcher, put the launcher's path \
                 into it, and run: sudo apparmor_parser -r /etc/apparmor.d/granary-launcher",
            ),
            _ => entry.good("No AppArmor rule is in the way of user namespaces."),
        }
    }

    fn container(&self) -> Entry {
        let entry = Entry::new(codes::CONTAINER, "Not in a container", Severity::Error);
        match &self.container {
            Some(kind) => entry.bad(
                format!("Granary runs inside a container or another root folder ({kind}), which keeps it from making sandboxes."),
                "Run Granary on the computer itself, or allow the container user namespaces and mounts (for Docker and \
                 Podman: --security-opt seccomp=unconfined --security-opt apparmor=unconfined).",
            ),
            None => entry.good("Granary does not run inside a container."),
        }
    }

    fn seccomp(&self) -> Entry {
        let entry = Entry::new(codes::SECCOMP, "System-call filter", Severity::Error);
        if self.seccomp {
            entry.good("The kernel can filter system calls.")
        } else {
            entry.bad("This kernel was built without system-call filters.", "Use your distribution's own kernel.")
        }
    }

    fn resources(&self) -> Entry {
        Entry::new(codes::RESOURCES, "Memory and processes", Severity::Error).good("There is room for a sandbox.")
    }

    fn limits(&self) -> Entry {
        let entry = Entry::new(codes::LIMITS, "Limits of memory, processes and processor", Severity::Warning);
        match &self.delegation {
            Some(Ok(path)) => entry.good(format!("Each grain is limited by a cgroup of its own, below {path}.")),
            Some(Err(reason)) => entry.bad(
                format!(
                    "Grains are limited less strictly, because {reason}: each process may use twice the memory limit, \
                     and the processor is shared without weights."
                ),
                "Log in to a desktop session that systemd manages, or start Granary with: systemd-run --user --scope granary serve",
            ),
            None => entry.good("Not looked at."),
        }
    }

    fn landlock(&self) -> Entry {
        let entry = Entry::new(codes::LANDLOCK, "Landlock", Severity::Info);
        match self.landlock {
            Some(version) if version >= 2 => {
                entry.good(format!("Landlock (version {version}) guards files as a second fence."))
            }
            Some(version) => entry.bad(
                format!("Landlock version {version} is too old to be used; grains run with the other fences."),
                "A kernel from 5.19 on has it.",
            ),
            None => entry.bad(
                "The kernel has no Landlock, or it is not switched on; grains run with the other fences.",
                "Nothing needs to be done; to have it, add landlock to the kernel's lsm= parameter.",
            ),
        }
    }
}

fn refused_by_module(entry: Entry, seen: &Observations) -> Entry {
    let label = seen.label.as_deref().unwrap_or("none");
    entry.bad(
        format!("A security module refused the sandbox (this program's label is \"{label}\")."),
        "Allow the program granary-launcher user namespaces: for AppArmor, a profile with the rule `userns,`.",
    )
}

fn container() -> Option<String> {
    if let Some(kind) = std::env::var("container").ok().filter(|kind| !kind.is_empty()) {
        return Some(kind);
    }
    for (file, kind) in [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")] {
        if Path::new(file).exists() {
            return Some(kind.into());
        }
    }
    if let Ok(kind) = fs::read_to_string("/run/systemd/container") {
        return Some(kind.trim().to_owned());
    }
    // In a chroot no mount of ours is at "/", because the mount that holds it has its root further up.
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let at_root = mounts.lines().any(|line| line.split(' ').nth(4) == Some("/"));
    (!at_root).then(|| "chroot".to_owned())
}

/// Landlock's version, by the call's own way of asking.
fn landlock() -> Option<u32> {
    // LANDLOCK_CREATE_RULESET_VERSION is 1.
    // SAFETY: with this flag the call takes no memory.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, 1) };
    u32::try_from(version).ok()
}

fn errno_text(errno: i32) -> String {
    nix::errno::Errno::from_raw(errno).desc().to_owned()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
