//! The appliance as a whole, and logins.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::health::Entry;

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
    /// Which of the desktop's windows this is; missing in a browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<super::WindowKind>,
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
