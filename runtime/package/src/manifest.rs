//! What an app says about itself: the manifest and the bridge configuration as plain values.

mod read;
mod write;

use std::borrow::Cow;

use base64::Engine as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use read::{bridge_config, manifest};
pub(crate) use write::{bridge_config_bytes, manifest_bytes};

/// The manifest's file in the root of a package.
pub const MANIFEST_NAME: &str = "sandstorm-manifest";
/// The bridge configuration's file in the root of a package.
pub const BRIDGE_CONFIG_NAME: &str = "sandstorm-http-bridge-config";
/// The bridge's program in the root of a package.
pub const BRIDGE_NAME: &str = "sandstorm-http-bridge";

/// Largest manifest, in bytes.
pub const MANIFEST_LIMIT: usize = 8 << 20;
/// Largest picture that is kept of a manifest, in bytes; larger ones are left out.
pub const ICON_LIMIT: usize = 1 << 20;

/// A text in one language, with translations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalizedText {
    /// The text to show when there is no better one.
    pub default_text: String,
    /// Translations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub localizations: Vec<Localization>,
}

/// One translation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Localization {
    /// BCP 47 language tag, such as `de` or `pt-BR`.
    pub locale: String,
    /// The text in that language.
    pub text: String,
}

impl LocalizedText {
    /// A text without translations.
    pub fn new(text: impl Into<String>) -> Self {
        Self { default_text: text.into(), localizations: Vec::new() }
    }

    /// The text for the first of `languages` (best first) that there is a translation for; `en` also matches `en-US`
    /// and the other way round.
    pub fn get(&self, languages: &[&str]) -> &str {
        let base = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        for wanted in languages {
            let exact = self.localizations.iter().find(|l| l.locale.eq_ignore_ascii_case(wanted));
            let close = || self.localizations.iter().find(|l| base(&l.locale) == base(wanted));
            if let Some(found) = exact.or_else(close) {
                return &found.text;
            }
        }
        &self.default_text
    }

    /// Whether there is nothing to show.
    pub const fn is_empty(&self) -> bool {
        self.default_text.is_empty() && self.localizations.is_empty()
    }
}

/// What an app says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The app's name.
    pub app_title: LocalizedText,
    /// Grows with every version; the only thing compared for upgrades.
    pub app_version: u32,
    /// The oldest version whose grains this one can open.
    pub min_upgradable_app_version: u32,
    /// The version as people know it.
    pub app_marketing_version: LocalizedText,
    /// The oldest platform the app works on.
    pub min_api_version: u32,
    /// The newest platform the app is known to work on.
    pub max_api_version: u32,
    /// What the app market shows.
    pub metadata: Metadata,
    /// The ways to create a grain.
    pub actions: Vec<Action>,
    /// How to start a grain that exists already.
    pub continue_command: Command,
}

/// How to start the app's program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// The program and its arguments, the obsolete separate path of the program already put in front.
    pub argv: Vec<String>,
    /// The complete environment.
    pub environ: Vec<(String, String)>,
}

/// A way to create a grain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// What the new grain is made from.
    pub input: ActionInput,
    /// How to start it.
    pub command: Command,
    /// Such as "New notebook".
    pub title: LocalizedText,
    /// Such as "notebook".
    pub noun_phrase: LocalizedText,
    /// A longer explanation.
    pub description: LocalizedText,
}

/// What a new grain is made from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActionInput {
    /// Nothing: the action is a "create" button.
    #[default]
    None,
    /// A capability that the person chooses.
    Capability,
}

/// What an app market shows of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Pictures of the app.
    pub icons: Icons,
    /// The app's page; starts with `http://` or `https://` when there is one.
    pub website: Option<String>,
    /// Where the source is; starts with `http://` or `https://` when given.
    pub code_url: Option<String>,
    /// What others may do with the app.
    pub license: License,
    /// Notices that the licences of the app's parts ask for.
    pub license_notices: LocalizedText,
    /// What the app is for.
    pub categories: Vec<Category>,
    /// Who wrote it.
    pub author: Author,
    /// A sentence.
    pub short_description: LocalizedText,
    /// Markdown.
    pub description: LocalizedText,
    /// Markdown.
    pub change_log: LocalizedText,
    /// How many screenshots the manifest holds (the pictures stay in the file).
    pub screenshots: u32,
}

/// Who wrote an app, as the manifest says (only the signature is proof).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// Who wrote the program that was made into an app.
    pub upstream_author: Option<String>,
    /// How to reach the packager.
    pub contact_email: Option<String>,
    /// An OpenPGP message, signed, that says whose the app is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pgp_signature: Option<Bytes>,
    /// The keys to check it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pgp_keyring: Option<Bytes>,
}

/// Bytes, as base 64 in JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_bytes());
        bytes.map(Self).map_err(serde::de::Error::custom)
    }
}

/// The app's pictures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Icons {
    /// For the list of apps, shown at 128 × 128.
    pub app_grid: Option<Icon>,
    /// For a grain in a list, shown at 24 × 24.
    pub grain: Option<Icon>,
    /// For an app market, shown at 150 × 150.
    pub market: Option<Icon>,
    /// For the app's own page in a market, shown at 300 × 300.
    pub market_big: Option<Icon>,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "format")]
pub enum Icon {
    /// Scalable.
    Svg {
        /// The text of the picture.
        text: String,
    },
    /// Pixels, at one or two densities.
    Png {
        /// For ordinary screens.
        dpi1x: Option<Bytes>,
        /// For screens of twice the density.
        dpi2x: Option<Bytes>,
    },
}

/// What others may do with the app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum License {
    /// Nothing is said.
    #[default]
    None,
    /// One of the licences of the Open Source Initiative.
    OpenSource {
        /// Its SPDX id; `None` when this Granary does not know the licence.
        id: Option<String>,
    },
    /// Closed, with its text.
    Proprietary {
        /// The text.
        text: LocalizedText,
    },
    /// In the public domain, with its text.
    PublicDomain {
        /// The text.
        text: LocalizedText,
    },
}

macro_rules! named_numbers {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $number:literal $title:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum $name {
            $(#[doc = $title] $variant,)*
        }

        impl $name {
            /// The one with this number on the wire.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Its number on the wire.
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$variant => $number,)*
                }
            }

            /// What people call it.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

named_numbers! {
    /// What an app is for.
    Category {
        Other = 0 "Other",
        Productivity = 1 "Productivity",
        Communications = 2 "Communications",
        Social = 3 "Social",
        WebPublishing = 4 "Web Publishing",
        Office = 5 "Office",
        DeveloperTools = 6 "DevTools",
        Science = 7 "Science",
        Media = 8 "Media",
        Games = 9 "Games",
        Graphics = 10 "Graphics",
    }
}

/// SPDX ids by their number on the wire; 0 is invalid.
pub(crate) const LICENSES: [&str; 19] = [
    "",
    "MIT",
    "Apache-2.0",
    "GPL-3.0",
    "AGPL-3.0",
    "BSD-3-Clause",
    "BSD-2-Clause",
    "GPL-2.0",
    "LGPL-2.1",
    "LGPL-3.0",
    "ISC",
    "Artistic-2.0",
    "Python-2.0",
    "PHP-3.0",
    "MPL-2.0",
    "CDDL-1.0",
    "EPL-1.0",
    "CPAL-1.0",
    "Zlib",
];

/// How the HTTP bridge inside a package presents the app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BridgeConfig {
    /// Permissions and roles of the app's grains.
    pub view_info: ViewInfo,
    /// Where the app's API begins; no API sessions when absent.
    pub api_path: Option<String>,
    /// Whether the bridge saves the identities of visitors.
    pub save_identity_caps: bool,
    /// Whether the app speaks to its bridge.
    pub expect_app_hooks: bool,
    /// Names of the APIs it offers through the powerbox.
    pub powerbox_apis: Vec<String>,
}

/// Permissions and roles of an app's grains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewInfo {
    /// In the order of the bits of every permission set.
    pub permissions: Vec<PermissionDef>,
    /// What a person may be given.
    pub roles: Vec<RoleDef>,
}

/// One permission.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionDef {
    /// The name that the app sees.
    pub name: String,
    /// The name that people see.
    pub title: LocalizedText,
    /// What it allows.
    pub description: LocalizedText,
    /// Whether it is no longer given.
    pub obsolete: bool,
}

/// One role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleDef {
    /// Such as "editor".
    pub title: LocalizedText,
    /// Such as "can edit".
    pub verb_phrase: LocalizedText,
    /// What it allows.
    pub description: LocalizedText,
    /// One flag for each permission.
    pub permissions: Vec<bool>,
    /// Whether it is no longer offered.
    pub obsolete: bool,
    /// Whether it is what a link gives unless something else is chosen.
    pub default: bool,
}

impl Manifest {
    /// Reads a manifest file, such as `sandstorm-manifest` of an installed package.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, crate::Refusal> {
        manifest(bytes)
    }

    /// Writes a manifest file.
    pub fn to_bytes(&self) -> Vec<u8> {
        manifest_bytes(self)
    }
}

impl BridgeConfig {
    /// Reads a bridge configuration file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, crate::Refusal> {
        bridge_config(bytes)
    }

    /// Writes a bridge configuration file; powerbox APIs are not part of what is written.
    pub fn to_bytes(&self) -> Vec<u8> {
        bridge_config_bytes(self)
    }
}
