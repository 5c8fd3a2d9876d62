//! The values the database holds, as plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A package whose files are complete on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Hash of the .spk file, 32 hex digits.
    pub package_id: String,
    /// The app it is a version of.
    pub app_id: String,
    /// The number upgrades are decided by.
    pub app_version: u32,
    /// The app's name.
    pub title: String,
    /// The version as its author writes it.
    pub marketing_version: String,
    /// One line on what the app is for.
    pub short_description: Option<String>,
    /// Fingerprint of the author's verified OpenPGP key.
    pub author_fingerprint: Option<String>,
    /// The author as named by that key or by the manifest.
    pub author_name: Option<String>,
    /// Bytes of the unpacked files.
    pub unpacked_size: u64,
    /// Starts a grain that exists.
    pub continue_command: Command,
    /// What a person can create.
    pub actions: Vec<Action>,
    /// When it was installed.
    pub installed: i64,
    /// What it says in other languages, in a form of the appliance's own; `None` where nobody looked for it yet.
    pub texts: Option<String>,
}

/// One way to make a new grain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// "New document".
    pub title: String,
    /// "document".
    pub noun_phrase: String,
    /// More words on it.
    pub description: Option<String>,
    /// What to run.
    pub command: Command,
}

/// A program with its arguments and its complete environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program's path inside the package, then its arguments.
    pub argv: Vec<String>,
    /// The complete environment.
    pub environ: Vec<(String, String)>,
}

/// An installed app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// The package new grains are made from.
    pub package: Package,
    /// Whether it came with Granary.
    pub starter: bool,
    /// How many grains of it there are, thrown away ones included.
    pub grains: u64,
}

/// Which icon of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IconKind {
    /// The large one, for lists of apps.
    Grid,
    /// The small one, beside a grain's title.
    Grain,
}

impl IconKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Grain => "grain",
        }
    }
}

/// A picture out of a package's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icon {
    /// `image/svg+xml` or `image/png`.
    pub media_type: String,
    /// The file.
    pub image: Vec<u8>,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grain {
    /// 22 random characters.
    pub grain_id: String,
    /// The name its owner gave it.
    pub title: String,
    /// The app it belongs to.
    pub app_id: String,
    /// The package it runs from.
    pub package_id: String,
    /// That package's version.
    pub app_version: u32,
    /// 64 hex digits: who the owner is inside this grain.
    pub owner_identity: String,
    /// When it was made.
    pub created: i64,
    /// When it was last opened.
    pub last_used: i64,
    /// Bytes on disk, as last counted.
    pub size: u64,
    /// When it was thrown away.
    pub trashed: Option<i64>,
    /// Whether anybody has looked into it.
    pub opened: bool,
    /// The name of its app, from the package it runs from. Only read, never written.
    pub app_title: String,
}

/// Which grains to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrainFilter {
    /// Every one.
    All,
    /// Those of one app.
    App(String),
    /// Those thrown away before this time.
    TrashedBefore(i64),
}

/// How many grains run from one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageUse {
    /// The package.
    pub package_id: String,
    /// Its version.
    pub app_version: u32,
    /// How many grains, those thrown away included.
    pub grains: u64,
    /// How many of them were thrown away.
    pub trashed: u64,
}

/// How much a notification matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something works less well than it could.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Error, Self::Warning, Self::Info].into_iter().find(|severity| severity.as_str() == text)
    }
}

/// Something that happened, to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// Stable, kebab-case.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// A few words.
    pub title: String,
    /// A sentence or two.
    pub text: String,
    /// What to do about it; may be empty.
    pub remedy: String,
    /// What the sentences are made of, by name.
    pub details: BTreeMap<String, String>,
    /// The grain it is about; it goes with the grain.
    pub grain_id: Option<String>,
    /// The app it is about.
    pub app_id: Option<String>,
}

/// Something that happened and was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Grows.
    pub notification_id: i64,
    /// What happened.
    pub what: NewNotification,
    /// When it happened last.
    pub created: i64,
    /// How often it has happened since it was read last.
    pub times: u32,
    /// When it was read.
    pub read: Option<i64>,
}

/// A window of the desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The desktop's name for it.
    pub window_id: String,
    /// The grain it shows; it goes with the grain.
    pub grain_id: Option<String>,
    /// Whether it stands open, or is only remembered.
    pub open: bool,
    /// JSON: what the desktop wants to know again.
    pub place: String,
    /// When it was written.
    pub updated: i64,
}
