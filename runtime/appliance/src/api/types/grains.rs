//! Documents, and what is done to them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::problem::Problem;

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
    /// That package's version; another one than the app's is older or newer than what new grains are made from.
    #[serde(default)]
    pub app_version: u32,
    /// Bytes on disk.
    pub size: u64,
    /// When it was made, in ms since 1970.
    pub created: i64,
    /// When it was last used, in ms since 1970.
    pub last_used: i64,
    /// Whether nobody has looked into it yet.
    #[serde(default)]
    pub never_opened: bool,
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

/// Something to do to several grains.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BulkRequest {
    /// What.
    pub action: BulkAction,
    /// To which; at most 20 000.
    pub grain_ids: Vec<String>,
}

/// What can be done to several grains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum BulkAction {
    /// Stop them and move them to the trash.
    Trash,
    /// Take them back out of the trash.
    Restore,
    /// Delete them for good, in the trash or not.
    Delete,
}

/// What became of each. A grain is in one of the two lists; whatever happens to one, the others are done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkResult {
    /// Those it was done to.
    pub done: Vec<String>,
    /// Those it was not done to.
    pub failed: Vec<BulkFailure>,
}

/// A grain that something was not done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkFailure {
    /// Which.
    pub grain_id: String,
    /// Why.
    pub error: Problem,
}
