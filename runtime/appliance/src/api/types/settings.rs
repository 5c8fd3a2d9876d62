//! What a person can choose.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// The language, as a BCP 47 tag such as `de` or `zh-CN`; `auto` follows each browser and the desktop.
    pub language: String,
    /// Light or dark.
    pub theme: Theme,
    /// Whether windows that were open stand open again after a restart.
    pub restore_windows: bool,
    /// Whether Granary starts when the person logs in to the desktop.
    pub start_at_login: bool,
    /// Whether closing the last window leaves Granary running in the tray.
    pub close_to_tray: bool,
    /// Where grains open.
    pub open_grains_in: OpenGrainsIn,
    /// Whether the desktop shows notifications.
    pub desktop_notifications: bool,
    /// Whether windows draw without the graphics card: a way out where its driver is broken.
    pub software_rendering: Automatic,
    /// Whether windows have the developer's tools.
    pub developer_tools: bool,
    /// Whether the tour of the first run was seen or skipped.
    pub tour_done: bool,
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
    /// The language, as a BCP 47 tag; `auto` follows each browser and the desktop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Light or dark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Theme>,
    /// Whether windows that were open stand open again after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_windows: Option<bool>,
    /// Whether Granary starts when the person logs in to the desktop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at_login: Option<bool>,
    /// Whether closing the last window leaves Granary running in the tray.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_to_tray: Option<bool>,
    /// Where grains open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_grains_in: Option<OpenGrainsIn>,
    /// Whether the desktop shows notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desktop_notifications: Option<bool>,
    /// Whether windows draw without the graphics card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_rendering: Option<Automatic>,
    /// Whether windows have the developer's tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub developer_tools: Option<bool>,
    /// Whether the tour of the first run was seen or skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tour_done: Option<bool>,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// As the desktop or the browser has it.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// Where grains open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OpenGrainsIn {
    /// In windows of their own.
    #[default]
    Window,
    /// In the person's browser.
    Browser,
}

/// Something that Granary can decide by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Automatic {
    /// Granary decides.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}
