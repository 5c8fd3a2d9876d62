//! Apps, their versions and what they say of themselves.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Asks;

/// An installed app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// The app's id: its author's key, 52 characters.
    pub app_id: String,
    /// The package that new grains are made from.
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
    /// Whether it came with Granary.
    pub starter: bool,
    /// Bytes on disk.
    pub unpacked_size: u64,
    /// How many grains of it there are, those in the trash included.
    pub grains: u64,
    /// What can be created; `POST /grains` takes the `index`.
    pub actions: Vec<Action>,
}

/// Who signed a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// Fingerprint of the author's verified OpenPGP key.
    #[schema(required = true)]
    pub fingerprint: Option<String>,
    /// The author's name, as the package says; nobody checked it.
    #[schema(required = true)]
    pub name: Option<String>,
}

/// One thing an app can create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Its position in the package.
    pub index: u32,
    /// "New document".
    pub title: String,
    /// "document".
    pub noun_phrase: String,
    /// More words.
    #[schema(required = true)]
    pub description: Option<String>,
}

/// All that is known of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppDetails {
    /// The app's id.
    pub app_id: String,
    /// Its name.
    pub title: String,
    /// The app as the list shows it; null when it was uninstalled and only its grains are left.
    #[schema(required = true)]
    pub app: Option<App>,
    /// Its versions that have files here, the newest first.
    pub versions: Vec<AppVersion>,
    /// Who signed the version that is told of: the current one, else the newest.
    pub author: Author,
    /// Where to read more; what is there comes from the package, and nobody checked it.
    pub links: AppLinks,
    /// What others may do with the app.
    pub licence: Licence,
    /// What it is for, as the author sorted it.
    pub categories: Vec<String>,
    /// What it is, in Markdown; may be empty.
    pub description: String,
    /// What changed from version to version, in Markdown; may be empty.
    pub change_log: String,
    /// What it offers and asks for.
    pub asks: Asks,
    /// When its current version came, in ms since 1970.
    pub last_updated: i64,
    /// Grains that run from an older version than the current one; `POST /apps/{appId}/upgrade-grains` moves them.
    pub older_grains: u64,
    /// Grains that run from a newer version than the current one, since it was replaced by an older one. They stay there.
    pub newer_grains: u64,
}

/// One version of an app that has files here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppVersion {
    /// Its package.
    pub package_id: String,
    /// The number upgrades are decided by.
    pub version: u32,
    /// The version as its author writes it.
    pub marketing_version: String,
    /// Whether new grains are made from it.
    pub current: bool,
    /// Who signed it.
    pub author: Author,
    /// Bytes on disk.
    pub unpacked_size: u64,
    /// When it was installed first, in ms since 1970.
    pub installed: i64,
    /// How many grains run from it, those in the trash included.
    pub grains: u64,
    /// How many of them are in the trash.
    pub trashed: u64,
}

/// Where to read more of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppLinks {
    /// Its page.
    #[schema(required = true)]
    pub website: Option<String>,
    /// Its source.
    #[schema(required = true)]
    pub code: Option<String>,
    /// Where to tell of problems: the packager's e-mail address.
    #[schema(required = true)]
    pub issues: Option<String>,
}

/// What others may do with an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Licence {
    /// What sort it is.
    pub kind: LicenceKind,
    /// The SPDX id of an open-source one, where it is known.
    #[schema(required = true)]
    pub id: Option<String>,
    /// Its text, where the package holds it; may be empty.
    pub text: String,
    /// Notices that the licences of its parts ask for; may be empty.
    pub notices: String,
}

/// Sorts of licences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum LicenceKind {
    /// The package says nothing of it.
    Unknown,
    /// One of the Open Source Initiative's.
    OpenSource,
    /// Closed.
    Proprietary,
    /// Nobody's.
    PublicDomain,
}

/// What became of older grains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpgradedGrains {
    /// Those that run from the current version from their next start on.
    pub grain_ids: Vec<String>,
}
