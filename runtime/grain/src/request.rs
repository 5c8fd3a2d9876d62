//! What the rest of the appliance hands to this crate: which grain, who opens it, and how.

use std::path::PathBuf;

use crate::IdentityId;

/// What it takes to start one grain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrainSpec {
    /// The grain's id.
    pub id: String,
    /// The app's unpacked package, the root file system of the grain.
    pub package_dir: PathBuf,
    /// The grain's own folder, `data/grains/<id>`, which holds `var` and `log`.
    pub dir: PathBuf,
    /// What to run: the chosen action's command for a new grain, the continue command afterwards.
    pub command: Command,
}

/// What a manifest says is to be run. Nothing is added: no `PATH`, no `HOME`, no shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments; the program is found relative to `/` of the package.
    pub argv: Vec<String>,
    /// The whole environment.
    pub environ: Vec<(String, String)>,
}

/// Where grains' specifications come from: the database, behind an interface this crate can be tested with.
pub trait GrainSource: Send + Sync + 'static {
    /// What to start for this grain when it is opened again (with the *continue* command).
    ///
    /// Called away from the vat thread; it may read a database.
    ///
    /// # Errors
    /// A sentence saying why the grain cannot be started ("Grain is in the trash bin").
    fn spec(&self, grain_id: &str) -> Result<GrainSpec, SourceError>;
}

/// Why a grain cannot be started, in the words of whoever knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// A stable kebab-case code, for example `no-such-grain`, `grain-is-in-trash`, `missing-package`.
    pub code: &'static str,
    /// The sentence.
    pub message: String,
}

/// One wish to open a grain in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRequest {
    /// Who opens it.
    pub user: User,
    /// What the browser said of itself.
    pub params: WebParams,
    /// Which tab it is: sessions of one tab share it over re-opens.
    pub tab_id: [u8; 16],
}

/// A person, as a grain sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name that is shown.
    pub display_name: String,
    /// A short name, `[a-z_][a-z0-9_]*`.
    pub handle: String,
    /// Who that is inside this grain; `None` for somebody who stays anonymous.
    pub identity_id: Option<IdentityId>,
    /// What that person may do.
    pub permissions: Permissions,
}

/// What somebody may do in a grain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Everything the app knows of: the owner.
    Owner,
    /// Exactly these, by their position in [`ViewInfo::permissions`]; a missing tail means "no".
    List(Vec<bool>),
}

/// The parameters of a web session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebParams {
    /// Scheme and host the session is served on, without a path.
    pub base_path: String,
    /// The browser's `User-Agent`.
    pub user_agent: String,
    /// The browser's `Accept-Language`, split at commas.
    pub acceptable_languages: Vec<String>,
}

/// What an app says of itself, as plain values that can be cached. Long lists and texts are cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewInfo {
    /// The app's own title, if it gives one.
    pub app_title: String,
    /// The permissions it distinguishes.
    pub permissions: Vec<PermissionDef>,
    /// The roles it offers.
    pub roles: Vec<RoleDef>,
}

/// One permission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermissionDef {
    /// The name in code, for example `edit`.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// What it allows.
    pub description: String,
    /// No longer offered.
    pub obsolete: bool,
}

/// One role: a set of permissions with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleDef {
    /// The name, for example "editor".
    pub title: String,
    /// What its holder can do, for example "can edit".
    pub verb_phrase: String,
    /// A longer explanation.
    pub description: String,
    /// The permissions it includes, by position.
    pub permissions: Vec<bool>,
    /// No longer offered.
    pub obsolete: bool,
    /// Offered first.
    pub default: bool,
}
