//! What a person can choose, with the defaults and the limits of it.

use std::sync::PoisonError;
use std::time::Duration;

use granary_grain::{DiskLimits, Ticks};
use granary_store::Store;
use nix::unistd::{User, geteuid};
use serde::{Deserialize, Serialize};

use crate::api::problem::{Problem, Result};
use crate::api::types::{Automatic, Event, Limits, OpenGrainsIn, Settings, SettingsPatch, Theme};
use crate::core::Core;
use crate::words::is_tag;

/// The port used first.
pub(crate) const DEFAULT_PORT: u16 = 6443;

/// What was chosen, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Chosen {
    pub(crate) display_name: Option<String>,
    pub(crate) port: u16,
    pub(crate) idle_seconds: u32,
    pub(crate) limits: Limits,
    pub(crate) install_from_local_addresses: bool,
    pub(crate) language: String,
    pub(crate) theme: Theme,
    pub(crate) restore_windows: bool,
    pub(crate) start_at_login: bool,
    pub(crate) close_to_tray: bool,
    pub(crate) open_grains_in: OpenGrainsIn,
    pub(crate) desktop_notifications: bool,
    pub(crate) software_rendering: Automatic,
    pub(crate) developer_tools: bool,
    pub(crate) tour_done: bool,
}

/// The language of each browser, and of the desktop.
pub(crate) const AUTO: &str = "auto";

const KEY: &str = "settings";

impl Default for Chosen {
    fn default() -> Self {
        let sandbox = granary_sandbox::Limits::default();
        let disk = DiskLimits::default();
        Self {
            display_name: None,
            port: DEFAULT_PORT,
            idle_seconds: 90,
            limits: Limits {
                memory: sandbox.memory,
                processes: sandbox.processes,
                cpu_percent: sandbox.cpu_percent,
                storage_warning: disk.soft,
                storage: disk.hard,
            },
            install_from_local_addresses: false,
            language: AUTO.into(),
            theme: Theme::System,
            restore_windows: true,
            start_at_login: false,
            close_to_tray: true,
            open_grains_in: OpenGrainsIn::Window,
            desktop_notifications: true,
            software_rendering: Automatic::Auto,
            developer_tools: false,
            tour_done: false,
        }
    }
}

impl Chosen {
    pub(crate) fn load(store: &Store) -> Result<Self, granary_store::Error> {
        Ok(store.read(|r| r.setting(KEY))?.unwrap_or_default())
    }

    pub(crate) fn save(&self, store: &Store) -> Result<(), granary_store::Error> {
        store.write(|w| w.set_setting(KEY, self))
    }

    /// The owner's name as apps see it.
    pub(crate) fn name(&self) -> String {
        self.display_name.clone().unwrap_or_else(account_name)
    }

    /// What of it concerns grains.
    pub(crate) fn grain_settings(&self) -> granary_grain::Settings {
        granary_grain::Settings {
            ticks: Ticks::Every(Duration::from_secs(self.idle_seconds.into())),
            limits: granary_sandbox::Limits {
                memory: self.limits.memory,
                processes: self.limits.processes,
                cpu_percent: self.limits.cpu_percent,
                ..granary_sandbox::Limits::default()
            },
            disk: DiskLimits { soft: self.limits.storage_warning, hard: self.limits.storage },
            ..granary_grain::Settings::default()
        }
    }

    fn apply(&mut self, patch: SettingsPatch) -> Result<()> {
        let refuse = |message: &str| Err(Problem::invalid("bad-setting", "Not a possible setting", message));
        if let Some(name) = patch.display_name {
            let name = name.trim().to_owned();
            if name.chars().count() > 100 || name.chars().any(char::is_control) {
                return refuse("A name has at most 100 characters, all of them printable.");
            }
            self.display_name = Some(name).filter(|name| !name.is_empty());
        }
        if let Some(port) = patch.port {
            if port < 1024 {
                return refuse("Ports below 1024 belong to the system; choose one from 1024 to 65535.");
            }
            self.port = port;
        }
        if let Some(seconds) = patch.idle_seconds {
            if !(5..=86_400).contains(&seconds) {
                return refuse("The idle clock takes 5 to 86400 seconds.");
            }
            self.idle_seconds = seconds;
        }
        if let Some(limits) = patch.limits {
            if limits.memory < 16 << 20 {
                return refuse("A grain needs at least 16 MiB (16777216 bytes) of memory.");
            }
            if !(8..=100_000).contains(&limits.processes) {
                return refuse("A grain may have 8 to 100000 processes.");
            }
            if limits.cpu_percent.is_some_and(|percent| !(5..=100_000).contains(&percent)) {
                return refuse("A grain needs at least 5 percent of a processor.");
            }
            if limits.storage < 1 << 20 || limits.storage_warning > limits.storage {
                return refuse("A grain needs at least 1 MiB of storage, and the warning comes before the limit.");
            }
            self.limits = limits;
        }
        if let Some(language) = patch.language {
            if language != AUTO && !is_tag(&language) {
                return refuse("A language is `auto` or a tag such as de, fr or zh-CN.");
            }
            self.language = language;
        }
        set(&mut self.install_from_local_addresses, patch.install_from_local_addresses);
        set(&mut self.theme, patch.theme);
        set(&mut self.restore_windows, patch.restore_windows);
        set(&mut self.start_at_login, patch.start_at_login);
        set(&mut self.close_to_tray, patch.close_to_tray);
        set(&mut self.open_grains_in, patch.open_grains_in);
        set(&mut self.desktop_notifications, patch.desktop_notifications);
        set(&mut self.software_rendering, patch.software_rendering);
        set(&mut self.developer_tools, patch.developer_tools);
        set(&mut self.tour_done, patch.tour_done);
        Ok(())
    }
}

fn set<T>(member: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *member = value;
    }
}

impl Core {
    pub(crate) fn settings(&self) -> Settings {
        let chosen = self.chosen();
        Settings {
            display_name: chosen.display_name,
            account_name: account_name(),
            port: chosen.port,
            idle_seconds: chosen.idle_seconds,
            limits: chosen.limits,
            install_from_local_addresses: chosen.install_from_local_addresses,
            language: chosen.language,
            theme: chosen.theme,
            restore_windows: chosen.restore_windows,
            start_at_login: chosen.start_at_login,
            close_to_tray: chosen.close_to_tray,
            open_grains_in: chosen.open_grains_in,
            desktop_notifications: chosen.desktop_notifications,
            software_rendering: chosen.software_rendering,
            developer_tools: chosen.developer_tools,
            tour_done: chosen.tour_done,
        }
    }

    pub(crate) async fn change_settings(&self, patch: SettingsPatch) -> Result<Settings> {
        let mut chosen = self.chosen();
        chosen.apply(patch)?;
        let stored = chosen.clone();
        self.db(move |store| Ok(stored.save(store)?)).await?;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = chosen.clone();
        self.grains.change_settings(chosen.grain_settings());
        let settings = self.settings();
        self.updates.tell(Event::Settings { settings: Box::new(settings.clone()) });
        Ok(settings)
    }
}

/// The name of the Linux account: the person's full name, else the login name.
pub(crate) fn account_name() -> String {
    let Some(user) = User::from_uid(geteuid()).ok().flatten() else { return "Owner".into() };
    let gecos = user.gecos.to_string_lossy();
    full_name(&gecos, &user.name)
}

/// The first field of a GECOS text, where `&` stands for the login name with a capital.
fn full_name(gecos: &str, login: &str) -> String {
    let mut capital = login.chars();
    let capital: String = capital.next().map(|first| first.to_uppercase().chain(capital).collect()).unwrap_or_default();
    let name = gecos.split(',').next().unwrap_or_default().replace('&', &capital);
    let name = name.trim();
    if name.is_empty() { login.to_owned() } else { name.to_owned() }
}

/// The short name apps may show, `[a-z_][a-z0-9_]*`.
pub(crate) fn handle(name: &str) -> String {
    let mut handle = String::new();
    for character in name.chars().flat_map(char::to_lowercase).map(unaccented) {
        match character {
            'a'..='z' | '0'..='9' => handle.push(character),
            _ if !handle.ends_with('_') => handle.push('_'),
            _ => {}
        }
    }
    let handle = handle.trim_matches('_');
    match handle.chars().next() {
        None => "owner".into(),
        Some('0'..='9') => format!("_{handle}"),
        Some(_) => handle.into(),
    }
}

/// The letters of western names without their accents.
fn unaccented(character: char) -> char {
    match character {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_accounts() {
        for (gecos, login, expected) in [
            ("Ada Lovelace,,,", "ada", "Ada Lovelace"),
            ("& Lovelace", "ada", "Ada Lovelace"),
            ("", "ada", "ada"),
            (" ,Room 3", "ada", "ada"),
        ] {
            assert_eq!(full_name(gecos, login), expected, "{gecos:?}");
        }
    }

    #[test]
    fn handles() {
        for (name, expected) in [
            ("Ada Lovelace", "ada_lovelace"),
            ("root", "root"),
            ("Zoë  O'Neill", "zoe_o_neill"),
            ("3Com", "_3com"),
            ("李", "owner"),
            ("", "owner"),
        ] {
            assert_eq!(handle(name), expected, "{name:?}");
        }
    }

    #[test]
    fn impossible_settings_change_nothing() {
        let limits = Chosen::default().limits;
        let patches = [
            SettingsPatch { port: Some(80), ..Default::default() },
            SettingsPatch { idle_seconds: Some(1), ..Default::default() },
            SettingsPatch { display_name: Some("a\nb".into()), ..Default::default() },
            SettingsPatch { limits: Some(Limits { memory: 1, ..limits }), ..Default::default() },
            SettingsPatch { limits: Some(Limits { storage: 1 << 20, ..limits }), ..Default::default() },
            SettingsPatch { limits: Some(Limits { processes: 1, ..limits }), ..Default::default() },
            SettingsPatch { language: Some("../etc".into()), ..Default::default() },
            SettingsPatch { language: Some(String::new()), ..Default::default() },
        ];
        for patch in patches {
            let problem = Chosen::default().apply(patch.clone()).unwrap_err();
            assert!(problem.invalid, "{patch:?}");
        }
        let mut chosen = Chosen::default();
        chosen.apply(SettingsPatch { display_name: Some(" Ada ".into()), ..Default::default() }).unwrap();
        assert_eq!(chosen.name(), "Ada");
        chosen.apply(SettingsPatch { display_name: Some(String::new()), ..Default::default() }).unwrap();
        assert_eq!(chosen.display_name, None);
    }
}
