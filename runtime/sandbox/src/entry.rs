//! The registry of what this computer may lack: code, title, severity, sentence, remedy.

use serde::{Deserialize, Serialize};

/// How much an entry matters when it is not ok.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Grains cannot run.
    Error,
    /// Grains run, with a fence or a limit less.
    Warning,
    /// Good to know.
    Info,
}

/// One thing that the sandbox needs or likes, and whether this computer gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Stable name, one of [`codes`].
    pub code: String,
    /// A few words.
    pub title: String,
    /// How much it matters.
    pub severity: Severity,
    /// Whether all is well.
    pub ok: bool,
    /// One sentence on what was found.
    pub text: String,
    /// What to do about it; empty when all is well.
    pub remedy: String,
}

/// The codes of all entries. A failed launch carries one of them too.
pub mod codes {
    /// The launcher program is not where it should be.
    pub const LAUNCHER: &str = "sandbox-launcher";
    /// The kernel is too old.
    pub const KERNEL: &str = "sandbox-kernel";
    /// User namespaces are switched off or used up.
    pub const NAMESPACES: &str = "sandbox-user-namespaces";
    /// A Debian kernel setting keeps user namespaces for root.
    pub const UNPRIVILEGED: &str = "sandbox-unprivileged-namespaces";
    /// AppArmor or another security module refuses.
    pub const APPARMOR: &str = "sandbox-apparmor";
    /// Granary runs inside a container or chroot.
    pub const CONTAINER: &str = "sandbox-container";
    /// The kernel has no system-call filters.
    pub const SECCOMP: &str = "sandbox-seccomp";
    /// Memory, processes or descriptors ran out.
    pub const RESOURCES: &str = "sandbox-resources";
    /// A trial sandbox, all steps together.
    pub const TRIAL: &str = "sandbox-trial";
    /// Memory, process and processor limits through cgroups.
    pub const LIMITS: &str = "sandbox-limits";
    /// Landlock.
    pub const LANDLOCK: &str = "sandbox-landlock";
}

impl Entry {
    pub(crate) fn new(code: &str, title: &str, severity: Severity) -> Self {
        Self { code: code.into(), title: title.into(), severity, ok: true, text: String::new(), remedy: String::new() }
    }

    pub(crate) fn good(mut self, text: impl Into<String>) -> Self {
        self.ok = true;
        self.text = text.into();
        self
    }

    pub(crate) fn bad(mut self, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.ok = false;
        self.text = text.into();
        self.remedy = remedy.into();
        self
    }
}
