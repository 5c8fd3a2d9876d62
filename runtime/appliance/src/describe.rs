//! What a package says of itself, in the forms that the store keeps and that front ends see.
//!
//! All of it is a stranger's text: what is to stand on one line is made to, and nothing is longer than it may be.

use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use granary_package::{
    ActionInput, BRIDGE_CONFIG_NAME, BridgeConfig, Installed, License, MANIFEST_NAME, Manifest, Metadata, Verified,
};
use granary_store::{Icon, IconKind, Package};

use crate::api::types::{Action, App, AppLinks, Asks, Author, Licence, LicenceKind, Permission, Role};
use crate::core::now;
use crate::words::{Languages, Words};

/// Characters of a text on one line.
const LINE: usize = 300;
/// Characters of a text on several lines, such as a licence.
const TEXT: usize = 64 << 10;
/// The largest manifest there is.
const MANIFEST_LIMIT: u64 = 8 << 20;
/// Permissions, roles and APIs that are told of.
const LIST: usize = 100;

/// A text on one line: nothing in it can break the line, turn the direction of what stands beside it, or hide.
pub(crate) fn line(text: &str) -> String {
    let misleading =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let clean: String =
        text.chars().filter(|&c| !misleading(c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    clip(clean.trim(), LINE)
}

fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

pub(crate) fn text(text: &str) -> String {
    clip(text.trim(), TEXT)
}

fn some(text: &str) -> Option<String> {
    Some(line(text)).filter(|text| !text.is_empty())
}

/// An app as front ends see it.
pub(crate) fn app(app: granary_store::App) -> App {
    let package = app.package;
    App {
        app_id: package.app_id,
        package_id: package.package_id,
        title: package.title,
        version: package.app_version,
        marketing_version: package.marketing_version,
        short_description: package.short_description,
        author: Author { fingerprint: package.author_fingerprint, name: package.author_name },
        starter: app.starter,
        unpacked_size: package.unpacked_size,
        grains: app.grains,
        actions: actions(package.actions),
    }
}

/// What can be created, as front ends see it.
pub(crate) fn actions(actions: Vec<granary_store::Action>) -> Vec<Action> {
    let shown = |(index, action): (u32, granary_store::Action)| Action {
        index,
        title: action.title,
        noun_phrase: action.noun_phrase,
        description: action.description,
    };
    (0..).zip(actions).map(shown).collect()
}

/// What the store keeps of a package.
pub(crate) fn package(verified: &Verified) -> Package {
    let manifest = &verified.manifest;
    let actions = manifest
        .actions
        .iter()
        .filter(|action| matches!(action.input, ActionInput::None))
        .map(|action| {
            let noun = noun_phrase(&action.noun_phrase.default_text, &action.title.default_text);
            granary_store::Action {
                title: some(&action.title.default_text).unwrap_or_else(|| format!("New {noun}")),
                noun_phrase: noun,
                description: some(&action.description.default_text),
                command: command(&action.command),
            }
        })
        .collect();
    let app_id = verified.app_id.to_string();
    Package {
        package_id: verified.package_id.to_string(),
        app_version: manifest.app_version,
        title: some(&manifest.app_title.default_text).unwrap_or_else(|| app_id.chars().take(8).collect()),
        marketing_version: some(&manifest.app_marketing_version.default_text)
            .unwrap_or_else(|| manifest.app_version.to_string()),
        short_description: some(&manifest.metadata.short_description.default_text),
        author_fingerprint: verified.author_fingerprint.clone(),
        author_name: manifest.metadata.author.upstream_author.as_deref().and_then(some),
        unpacked_size: verified.unpacked_size,
        continue_command: command(&manifest.continue_command),
        actions,
        installed: now(),
        texts: Some(Words::of(manifest).to_json()),
        app_id,
    }
}

/// A package's pictures, as the store keeps them.
pub(crate) fn icons(installed: &Installed) -> Vec<(IconKind, Icon)> {
    let icons = &installed.verified.manifest.metadata.icons;
    [(IconKind::Grid, &icons.app_grid), (IconKind::Grain, &icons.grain)]
        .into_iter()
        .filter_map(|(kind, found)| Some((kind, icon(found.as_ref()?)?)))
        .collect()
}

fn command(command: &granary_package::Command) -> granary_store::Command {
    granary_store::Command { argv: command.argv.clone(), environ: command.environ.clone() }
}

/// The denser picture, where there are two: it looks right on every screen.
fn icon(icon: &granary_package::Icon) -> Option<Icon> {
    let (media_type, image) = match icon {
        granary_package::Icon::Svg { text } => ("image/svg+xml", text.clone().into_bytes()),
        granary_package::Icon::Png { dpi1x, dpi2x } => ("image/png", dpi2x.as_ref().or(dpi1x.as_ref())?.0.clone()),
    };
    (!image.is_empty()).then(|| Icon { media_type: media_type.into(), image })
}

/// Where to read more.
pub(crate) fn links(metadata: &Metadata) -> AppLinks {
    // That they are web addresses was checked with the package.
    let link = |address: &Option<String>| address.as_deref().and_then(some);
    let mail = metadata.author.contact_email.as_deref().and_then(some).filter(|mail| mail.contains('@'));
    AppLinks { website: link(&metadata.website), code: link(&metadata.code_url), issues: mail }
}

/// What others may do with it.
pub(crate) fn licence(metadata: &Metadata, languages: &Languages) -> Licence {
    let (kind, id, words) = match &metadata.license {
        License::None => (LicenceKind::Unknown, None, None),
        License::OpenSource { id } => (LicenceKind::OpenSource, id.clone(), None),
        License::Proprietary { text } => (LicenceKind::Proprietary, None, Some(text)),
        License::PublicDomain { text } => (LicenceKind::PublicDomain, None, Some(text)),
    };
    Licence {
        kind,
        id,
        text: words.map(|words| text(languages.get(words))).unwrap_or_default(),
        notices: text(languages.get(&metadata.license_notices)),
    }
}

/// What it offers to others and asks for.
pub(crate) fn asks(manifest: &Manifest, bridge: Option<&BridgeConfig>, languages: &Languages) -> Asks {
    let takes = manifest.actions.iter().filter(|action| matches!(action.input, ActionInput::Capability)).count();
    let takes_offers = u32::try_from(takes).unwrap_or(u32::MAX);
    let Some(config) = bridge else { return Asks { takes_offers, ..Asks::default() } };
    let words = |words| line(languages.get(words));
    let permissions = config.view_info.permissions.iter().filter(|permission| !permission.obsolete).take(LIST);
    let roles = config.view_info.roles.iter().filter(|role| !role.obsolete).take(LIST);
    Asks {
        bridge: true,
        permissions: permissions
            .map(|permission| Permission {
                name: line(&permission.name),
                title: words(&permission.title),
                description: words(&permission.description),
            })
            .collect(),
        roles: roles
            .map(|role| Role {
                title: words(&role.title),
                verb_phrase: words(&role.verb_phrase),
                description: words(&role.description),
            })
            .collect(),
        api_path: config.api_path.as_deref().and_then(some),
        offered_apis: config.powerbox_apis.iter().take(LIST).map(|name| line(name)).collect(),
        takes_offers,
        app_hooks: config.expect_app_hooks,
        saves_identities: config.save_identity_caps,
    }
}

/// The manifest of a package that is installed.
pub(crate) fn manifest_of(apps: &Path, package_id: &str) -> Option<Manifest> {
    Manifest::from_bytes(&part_of(apps, package_id, MANIFEST_NAME)?).ok()
}

/// The bridge configuration of a package that is installed and has one.
pub(crate) fn bridge_config_of(apps: &Path, package_id: &str) -> Option<BridgeConfig> {
    BridgeConfig::from_bytes(&part_of(apps, package_id, BRIDGE_CONFIG_NAME)?).ok()
}

fn part_of(apps: &Path, package_id: &str, name: &str) -> Option<Vec<u8>> {
    let path = apps.join(package_id).join(name);
    let file = std::fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW).open(&path).ok()?;
    let mut bytes = Vec::new();
    file.take(MANIFEST_LIMIT).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// What an action makes: as the manifest says, else what follows "New" in its title.
fn noun_phrase(given: &str, title: &str) -> String {
    let given = line(given);
    if !given.is_empty() {
        return given;
    }
    let title = line(title);
    let rest = title.get(..4).filter(|start| start.eq_ignore_ascii_case("new ")).map(|_| title[4..].trim());
    rest.filter(|rest| !rest.is_empty()).unwrap_or("grain").to_owned()
}

#[cfg(test)]
mod tests {
    use super::{line, noun_phrase};

    #[test]
    fn noun_phrases() {
        for (given, title, expected) in [
            ("document", "New letter", "document"),
            ("", "New letter", "letter"),
            ("  ", "new  big board ", "big board"),
            ("", "Create", "grain"),
            ("", "New ", "grain"),
            ("", "Néw", "grain"),
            ("", "", "grain"),
        ] {
            assert_eq!(noun_phrase(given, title), expected, "{given:?} {title:?}");
        }
    }

    #[test]
    fn a_strangers_text_stays_on_its_line() {
        for (text, expected) in [
            (" Etherpad\n\nVerified by Granary ", "Etherpad  Verified by Granary"),
            ("evil\u{202e}kps.exe", "evilkps.exe"),
            ("Note\u{200b}s\u{feff}", "Notes"),
            ("表格", "表格"),
        ] {
            assert_eq!(line(text), expected);
        }
        assert_eq!(line(&"ä".repeat(1000)).chars().count(), 301);
    }
}
