//! Live updates.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{App, Grain, Install, Notification, Settings};
use crate::health::Entry;

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
    /// Several grains are new or have changed, at about the same time.
    Grains {
        /// The grains as they are now.
        grains: Vec<Grain>,
    },
    /// A grain is gone for good.
    GrainRemoved {
        /// Which.
        #[serde(rename = "grainId")]
        grain_id: String,
    },
    /// Several grains are gone for good.
    GrainsRemoved {
        /// Which.
        #[serde(rename = "grainIds")]
        grain_ids: Vec<String>,
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
    /// A package on its way has come further, at most ten times a second.
    Install {
        /// How it is now.
        install: Box<Install>,
    },
    /// A package on its way was cancelled, or its end was long enough ago.
    InstallRemoved {
        /// Which.
        #[serde(rename = "installId")]
        install_id: String,
    },
    /// Something happened that is told in the list of notifications; one of the same id is replaced.
    Notification {
        /// What.
        notification: Notification,
        /// How many are unread now.
        unread: u64,
    },
    /// Notifications were read or dismissed: `GET /notifications` has the list.
    NotificationsChanged {
        /// How many are unread now.
        unread: u64,
    },
    /// Settings were changed.
    Settings {
        /// The settings as they are now.
        settings: Box<Settings>,
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
