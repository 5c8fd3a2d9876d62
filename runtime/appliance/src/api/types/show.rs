//! What the desktop shows.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The kinds of windows of the desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum WindowKind {
    /// Shows everything but grains, which have windows of their own: `POST /grains/{grainId}/window`.
    Main,
    /// Shows one grain, and may call nothing that does not concern it.
    Grain,
}

/// Which page of the shell to show.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowMain {
    /// The page; the one that is there when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What a start of the desktop program was given.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Given {
    /// Links, and absolute names of files.
    pub arguments: Vec<String>,
}
