//! What the desktop and the settings' pages need: windows, storage, certificates, and what Granary is made of.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A window that the desktop remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The desktop's name for it, such as `main` or `grain-<grainId>`.
    pub window_id: String,
    /// The grain it shows; the window is forgotten with the grain.
    #[schema(required = true)]
    pub grain_id: Option<String>,
    /// Whether it stands open, and is to stand open again after a restart.
    pub open: bool,
    /// Where it is.
    pub place: WindowPlace,
    /// When that was written, in ms since 1970.
    pub updated: i64,
}

/// What to remember of a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowPatch {
    /// The grain it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grain_id: Option<String>,
    /// Whether it stands open.
    pub open: bool,
    /// Where it is.
    #[serde(default)]
    pub place: WindowPlace,
}

/// Where a window is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WindowPlace {
    /// Left edge; null where the desktop does not tell (Wayland).
    #[schema(required = true)]
    pub x: Option<i32>,
    /// Upper edge.
    #[schema(required = true)]
    pub y: Option<i32>,
    /// Width of the inside, without the screen's scale.
    #[schema(required = true)]
    pub width: Option<u32>,
    /// Height of the inside, without the screen's scale.
    #[schema(required = true)]
    pub height: Option<u32>,
    /// Whether it fills the screen between the desktop's bars.
    pub maximized: bool,
    /// Whether it fills the whole screen.
    pub fullscreen: bool,
    /// How much its page is enlarged, in percent; 100 when null.
    #[schema(required = true)]
    pub zoom_percent: Option<u32>,
    /// Where in the grain it was.
    #[schema(required = true)]
    pub path: Option<String>,
}

/// What takes space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Where everything is kept.
    pub data_dir: String,
    /// Bytes of the disk that this folder is on.
    pub disk_size: u64,
    /// Bytes on it that are free for this person.
    pub disk_free: u64,
    /// Bytes of all grains outside the trash.
    pub grains: u64,
    /// Bytes of the grains in the trash.
    pub trash: u64,
    /// Bytes of the apps' files.
    pub apps: u64,
    /// Bytes of the database.
    pub database: u64,
    /// Each grain's, the largest first.
    pub by_grain: Vec<GrainStorage>,
}

/// What one grain takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrainStorage {
    /// Which.
    pub grain_id: String,
    /// Bytes on disk, as last counted.
    pub size: u64,
    /// Whether it is in the trash.
    pub trashed: bool,
}

/// Who trusts Granary's certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificates {
    /// Whether every list that was found trusts them.
    pub trusted: bool,
    /// Each list of trusted authorities, and how things stand there.
    pub stores: Vec<TrustStore>,
}

/// A list of trusted authorities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrustStore {
    /// Whose it is.
    pub kind: TrustStoreKind,
    /// Where it is.
    pub path: String,
    /// How things stand.
    pub state: TrustStoreState,
    /// Why, when something failed.
    pub detail: String,
    /// What to do by hand; empty when nothing is to be done.
    pub remedy: String,
}

/// Whose list it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TrustStoreKind {
    /// Chromium's, Chrome's and their relatives'.
    Chromium,
    /// One Firefox profile's.
    Firefox,
    /// The whole system's: curl, git, and others.
    System,
}

/// How things stand in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TrustStoreState {
    /// It trusts Granary's certificates.
    Trusted,
    /// It does not.
    NotTrusted,
    /// The program that could tell or change it is not installed.
    MissingTool,
    /// An attempt failed.
    Failed,
}

/// Which lists to change.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeCertificates {
    /// Leave the system's own list alone.
    #[serde(default)]
    pub user_only: bool,
}

/// What Granary is, and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// Granary's version.
    pub version: String,
    /// Granary's own licence, an SPDX expression.
    pub licence: String,
    /// Others' work in it, by name.
    pub components: Vec<Component>,
}

/// Somebody else's work that is part of Granary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is from: `rust` or `npm`.
    pub kind: String,
    /// Its licence, an SPDX expression.
    pub licence: String,
    /// Its page; may be empty.
    pub homepage: String,
    /// `GET /about/notices/{notice}` has the texts of its licence; null where it brings none.
    #[schema(required = true)]
    pub notice: Option<u32>,
}
