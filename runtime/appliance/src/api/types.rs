//! The values that front ends and the appliance exchange; their JSON names are the API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use crate::health::Entry;

/// Bytes of a file.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it stands for bodies in the OpenAPI document")]
pub(super) struct Binary(Vec<u8>);

/// The appliance as a whole.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Granary's version.
    pub version: String,
    /// The port of every origin.
    pub port: u16,
    /// The shell origin, `https://granary.localhost:6443`.
    pub origin: String,
    /// Tells appliances apart: stays the same for one data folder.
    pub instance: String,
    /// Where everything is kept.
    pub data_dir: String,
    /// What a person should know; empty when all is well.
    pub health: Vec<Entry>,
}

/// Proof that the owner opened the login page.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginRequest {
    /// The one-time code from the fragment of the login URL.
    pub code: String,
}

/// What the login page keeps.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginReply {
    /// Sent as `X-Granary-Secret` with every later call; kept in the shell origin's own storage under a name that carries
    /// the port.
    pub secret: String,
    /// The page of the shell that this login is to lead to.
    pub path: String,
}

/// Nothing more to say.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Done {}

/// Where a new login should lead.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginCodeRequest {
    /// A page of the shell, for example `/grain/<grainId>`; the start page when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A URL to hand to a browser.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginUrl {
    /// `https://granary.localhost:PORT/login#<code>`: works once, within a minute.
    pub url: String,
}

/// An installed app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// The app's id: its author's key, 52 characters.
    pub app_id: String,
    /// The package that new grains are made from.
    pub package_id: String,
    /// Its name.
    pub title: String,
    /// The number upgrades are decided by.
    pub version: u32,
    /// The version as its author writes it.
    pub marketing_version: String,
    /// One line on what it is for.
    #[schema(required = true)]
    pub short_description: Option<String>,
    /// Who signed it.
    pub author: Author,
    /// Whether it came with Granary.
    pub starter: bool,
    /// Bytes on disk.
    pub unpacked_size: u64,
    /// How many grains of it there are, those in the trash included.
    pub grains: u64,
    /// What can be created; `POST /grains` takes the `index`.
    pub actions: Vec<Action>,
}

/// Who signed a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// Fingerprint of the author's verified OpenPGP key.
    #[schema(required = true)]
    pub fingerprint: Option<String>,
    /// The author's name, as the package says; nobody checked it.
    #[schema(required = true)]
    pub name: Option<String>,
}

/// One thing an app can create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Its position in the package.
    pub index: u32,
    /// "New document".
    pub title: String,
    /// "document".
    pub noun_phrase: String,
    /// More words.
    #[schema(required = true)]
    pub description: Option<String>,
}

/// A package to download.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstallFromUrl {
    /// An `https` or `http` URL of a .spk file.
    pub url: String,
    /// The package id it must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
}

/// Which step an installation is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum InstallPhase {
    /// The file is arriving.
    Download,
    /// Its signature and contents are checked.
    Verify,
    /// Its files are written.
    Unpack,
}

/// One line of an installation's report. The last line is `done` or `error`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum InstallEvent {
    /// How far it is.
    Progress {
        /// The step.
        phase: InstallPhase,
        /// Bytes done in this step.
        bytes: u64,
        /// Bytes to do in this step, where that is known.
        #[schema(required = true)]
        total: Option<u64>,
    },
    /// The app can be used.
    Done {
        /// The app as it is now.
        app: App,
        /// What became of it.
        outcome: InstallOutcome,
        /// How many grains were moved to this version.
        moved: u64,
    },
    /// Nothing was installed.
    Error {
        /// Why.
        error: Problem,
    },
}

/// What an installation meant for the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum InstallOutcome {
    /// The app is new here.
    Installed,
    /// This very package was installed already.
    AlreadyInstalled,
    /// It replaces an earlier version, or another build of the same one.
    Upgraded,
    /// It is older than what was installed. New grains are made with it; existing ones stay with the newer version.
    Downgraded,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grain {
    /// Its id.
    pub grain_id: String,
    /// The name its owner gave it.
    pub title: String,
    /// Its app.
    pub app_id: String,
    /// The name of its app; known also when the app was uninstalled.
    pub app_title: String,
    /// The package it runs from.
    pub package_id: String,
    /// Bytes on disk.
    pub size: u64,
    /// When it was made, in ms since 1970.
    pub created: i64,
    /// When it was last used, in ms since 1970.
    pub last_used: i64,
    /// Whether it runs.
    pub state: GrainState,
    /// When it was moved to the trash, in ms since 1970. It is deleted 30 days later.
    #[schema(required = true)]
    pub trashed: Option<i64>,
}

/// Whether a grain runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum GrainState {
    /// No process.
    Stopped,
    /// Its sandbox is being made.
    Starting,
    /// The app runs.
    Running,
}

/// A grain to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewGrain {
    /// The app.
    pub app_id: String,
    /// Which of its actions; the first when missing.
    #[serde(default)]
    pub action: u32,
    /// Its name; "Untitled <app> <noun>" when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// What to change of a grain.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrainPatch {
    /// Its new name.
    pub title: String,
}

/// Where in a grain to begin.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSession {
    /// A path of the app; its start page when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A way into a grain.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// For a frame, or for `curl -L -c jar`: works once, within 30 seconds, and sets the session's cookie.
    pub url: String,
    /// The session's host with the port.
    pub host: String,
}

/// One line of the live updates.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// The stream is open; whatever is read from now on is not older than the events that follow.
    Hello,
    /// Lines were left out because they were not read in time: read everything again.
    Resync,
    /// A grain is new or has changed.
    Grain {
        /// The grain as it is now.
        grain: Grain,
    },
    /// A grain is gone for good.
    GrainRemoved {
        /// Which.
        #[serde(rename = "grainId")]
        grain_id: String,
    },
    /// An app is new or has changed.
    App {
        /// The app as it is now.
        app: App,
    },
    /// An app was uninstalled.
    AppRemoved {
        /// Which.
        #[serde(rename = "appId")]
        app_id: String,
    },
    /// An entry of the health registry is new or has changed; with `ok` true it is settled.
    Notice {
        /// The entry.
        entry: Entry,
        /// The grain it is about.
        #[serde(rename = "grainId", default, skip_serializing_if = "Option::is_none")]
        grain_id: Option<String>,
    },
    /// A page in a frame lost its session's cookie: browsers throw cookies away when a page sets too many. Opening the grain
    /// again in that frame mends it.
    SessionLost {
        /// Which grain.
        #[serde(rename = "grainId")]
        grain_id: String,
        /// The session's host with the port.
        host: String,
    },
    /// The stream is alive.
    Ping,
}

/// What a person can choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The owner's name as apps see it; that of the Linux account when null.
    #[schema(required = true)]
    pub display_name: Option<String>,
    /// The name of the Linux account. Cannot be changed here.
    pub account_name: String,
    /// The port, from the next start on.
    pub port: u16,
    /// A grain that is not used stops after one to two times this many seconds.
    pub idle_seconds: u32,
    /// What one grain may take.
    pub limits: Limits,
    /// Whether pages may ask to install packages from addresses of this computer and its network.
    pub install_from_local_addresses: bool,
}

/// What one grain may take. Applies from its next start on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Memory in bytes.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Percent of one processor; without a limit when null.
    #[schema(required = true)]
    pub cpu_percent: Option<u32>,
    /// Bytes on disk at which a notice is shown.
    pub storage_warning: u64,
    /// Bytes on disk at which the grain is stopped.
    pub storage: u64,
}

/// Settings to change; those missing stay.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SettingsPatch {
    /// The owner's name; an empty one goes back to that of the Linux account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The port, from the next start on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Seconds of the idle clock, 5 to 86 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u32>,
    /// What one grain may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Whether pages may ask to install packages from addresses of this computer and its network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install_from_local_addresses: Option<bool>,
}
