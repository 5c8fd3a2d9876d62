//! What happened while nobody looked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::health::Severity;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Its id; a newer notification has a higher one.
    pub notification_id: i64,
    /// What happened: `grain-crashed`, `grain-storage-nearly-full`, `grain-storage-full`, `app-updated`, `install-ready`,
    /// `install-failed`, or the code of an entry of the health registry.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// A few words.
    pub title: String,
    /// A sentence or two.
    pub text: String,
    /// What to do about it; may be empty.
    pub remedy: String,
    /// What the sentences are made of, by name, for those who say them in another language.
    pub details: BTreeMap<String, String>,
    /// The grain it is about.
    #[schema(required = true)]
    pub grain_id: Option<String>,
    /// The app it is about.
    #[schema(required = true)]
    pub app_id: Option<String>,
    /// When it happened last, in ms since 1970.
    pub created: i64,
    /// How often it has happened since it was read.
    pub times: u32,
    /// Whether it was read.
    pub read: bool,
}

/// What happened, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    /// How many are unread.
    pub unread: u64,
    /// All that are kept.
    pub notifications: Vec<Notification>,
}

/// Which notifications were read.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadNotifications {
    /// These.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notification_ids: Vec<i64>,
    /// All up to this one: the highest id that was shown, so that one which came meanwhile stays unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<i64>,
}

/// How many are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// How many are unread.
    pub unread: u64,
}
