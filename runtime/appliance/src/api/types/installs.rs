//! Installing packages: in one step, or with a look at what would be installed first.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Action, App, AppLinks, Author, Licence};
use crate::api::problem::Problem;

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

/// A package to look at before it is installed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewInstall {
    /// Where it comes from.
    pub source: InstallSource,
    /// The package id it must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// Whether nobody watches: then a notification tells when it waits for an answer, or why it failed.
    #[serde(default)]
    pub background: bool,
}

/// Where a package comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum InstallSource {
    /// `PUT /installs/{installId}/file` will send it.
    Upload {
        /// The file's name, for people.
        name: String,
        /// Its length.
        #[serde(default)]
        #[schema(required = true)]
        size: Option<u64>,
    },
    /// It is downloaded.
    Url {
        /// An `https` or `http` URL of a .spk file.
        url: String,
    },
    /// It is read from this computer. Only over the Unix socket.
    File {
        /// The file's absolute path.
        path: String,
    },
}

/// How far a package on its way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum InstallState {
    /// Its file is waited for.
    Waiting,
    /// It arrives and is checked; `phase`, `bytes` and `total` tell how far it is.
    Working,
    /// It is checked, and waits for an answer: `offer` says what would be installed.
    Ready,
    /// The answer was yes, and its app is being changed over.
    Installing,
    /// Its app can be used.
    Installed,
    /// Nothing was installed; `error` says why.
    Failed,
}

/// A package on its way. `DELETE /installs/{installId}` stops it at any point before it is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Install {
    /// Its id.
    pub install_id: String,
    /// Where it comes from.
    pub source: InstallSource,
    /// How far it is.
    pub state: InstallState,
    /// The step it is in while it is `working`.
    #[schema(required = true)]
    pub phase: Option<InstallPhase>,
    /// Bytes done in this step.
    pub bytes: u64,
    /// Bytes to do in this step, where that is known.
    #[schema(required = true)]
    pub total: Option<u64>,
    /// What would be installed, once that is known.
    #[schema(required = true)]
    pub offer: Option<Offer>,
    /// What became of it, once it is installed.
    #[schema(required = true)]
    pub outcome: Option<InstallOutcome>,
    /// Why it failed.
    #[schema(required = true)]
    pub error: Option<Problem>,
    /// Whether nobody watches.
    pub background: bool,
    /// When it began, in ms since 1970.
    pub created: i64,
    /// When it is forgotten unless something happens, in ms since 1970; null while it is being worked on.
    #[schema(required = true)]
    pub expires: Option<i64>,
}

/// What would be installed: all that a person decides by. Only the signature and what follows from it was checked; names, texts and
/// links are the package's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The app's id: the key that signed it.
    pub app_id: String,
    /// The package's id: the hash of the file.
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
    /// Where to read more.
    pub links: AppLinks,
    /// What others may do with it.
    pub licence: Licence,
    /// Bytes of the package.
    pub package_size: u64,
    /// Bytes it will take on the disk.
    pub unpacked_size: u64,
    /// Whether `GET /installs/{installId}/icon` has a picture.
    pub has_icon: bool,
    /// What can be created with it.
    pub actions: Vec<Action>,
    /// What it offers and asks for.
    pub asks: Asks,
    /// What it means for what is here.
    pub change: OfferChange,
}

/// What an app offers to others and asks for, as far as its package declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asks {
    /// Whether it is an ordinary web server behind Granary's bridge; what others speak for themselves is declared nowhere.
    pub bridge: bool,
    /// Permissions that can be given when a grain is shared.
    pub permissions: Vec<Permission>,
    /// Roles that can be given when a grain is shared.
    pub roles: Vec<Role>,
    /// Where it offers an API to other programs that the owner gives a token to.
    #[schema(required = true)]
    pub api_path: Option<String>,
    /// Names of the APIs that it offers to other grains, when the owner connects them.
    pub offered_apis: Vec<String>,
    /// How many of its actions make a grain from something that another grain offers.
    pub takes_offers: u32,
    /// Whether it talks to the bridge: to keep what it was given, and to be found by what it saved.
    pub app_hooks: bool,
    /// Whether it keeps who its visitors are.
    pub saves_identities: bool,
}

/// A permission of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// As the app knows it.
    pub name: String,
    /// As people know it; may be empty.
    pub title: String,
    /// What it allows; may be empty.
    pub description: String,
}

/// A role of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// "editor".
    pub title: String,
    /// "can edit".
    pub verb_phrase: String,
    /// What it allows; may be empty.
    pub description: String,
}

/// What a package would mean for what is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferChange {
    /// What sort of change.
    pub kind: OfferKind,
    /// What is installed now, or was before it was uninstalled with grains left.
    #[schema(required = true)]
    pub installed: Option<OfferInstalled>,
    /// Whether another author, or nobody, signed what is installed now: the app's key is the same, the person is not proven to be.
    pub author_changed: bool,
    /// Whether the app is installed; false also for one that was uninstalled with grains left.
    pub app_installed: bool,
    /// Grains that would run from this package from then on.
    pub grains_moving: u64,
    /// Grains of a newer version than this one, which stay with it.
    pub grains_newer: u64,
}

/// The version that a package would replace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferInstalled {
    /// Its package.
    pub package_id: String,
    /// Its name.
    pub title: String,
    /// The number upgrades are decided by.
    pub version: u32,
    /// The version as its author writes it.
    pub marketing_version: String,
    /// Who signed it.
    pub author: Author,
}

/// Sorts of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OfferKind {
    /// The app is not installed.
    New,
    /// It is newer than what is installed.
    Upgrade,
    /// It is older than what is installed.
    Downgrade,
    /// It is another build of the version that is installed.
    SameVersion,
    /// It is what is installed.
    Reinstall,
}

/// The answer yes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmInstall {
    /// Whether grains of older versions move to this one, from their next start on.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub upgrade_grains: bool,
}

impl Default for ConfirmInstall {
    fn default() -> Self {
        Self { upgrade_grains: true }
    }
}

fn yes() -> bool {
    true
}

/// What to change of a package on its way.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstallPatch {
    /// Whether nobody watches any more.
    pub background: bool,
}

/// What was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstallDone {
    /// The app as it is now.
    pub app: App,
    /// What became of it.
    pub outcome: InstallOutcome,
    /// How many grains were moved to this version.
    pub moved: u64,
}
