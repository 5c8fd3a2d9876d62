//! Reads manifests and bridge configurations out of Cap'n Proto messages.

use granary_wire::framing::{self, Limits};
use granary_wire::grain_capnp::ui_view;
use granary_wire::package_capnp::{bridge_config as bridge, manifest as wire, metadata};
use granary_wire::util_capnp::localized_text;

use super::{
    Action, ActionInput, Author, BridgeConfig, Bytes, Category, Command, ICON_LIMIT, Icon, Icons, LICENSES, License,
    Localization, LocalizedText, MANIFEST_LIMIT, Manifest, Metadata, PermissionDef, RoleDef, ViewInfo,
};
use crate::Refusal;

type Result<T, E = capnp::Error> = std::result::Result<T, E>;

/// As deep as Sandstorm reads a manifest.
const NESTING: u16 = 64;

fn limits() -> Limits {
    Limits::of_bytes(MANIFEST_LIMIT).with_traversal_words(MANIFEST_LIMIT / 8).with_nesting(NESTING)
}

/// Reads the bytes of a manifest file.
pub(crate) fn manifest(bytes: &[u8]) -> Result<Manifest, Refusal> {
    if bytes.len() > MANIFEST_LIMIT {
        return Err(Refusal::ManifestTooBig);
    }
    let (message, _) = framing::read(bytes, &limits()).map_err(|error| Refusal::Manifest(error.to_string()))?;
    message.get_root::<wire::Reader<'_>>().and_then(read_manifest).map_err(|error| match error.kind {
        capnp::ErrorKind::ReadLimitExceeded => Refusal::ManifestTooBig,
        _ => Refusal::Manifest(error.to_string()),
    })
}

/// Reads the bytes of a bridge configuration file.
pub(crate) fn bridge_config(bytes: &[u8]) -> Result<BridgeConfig, Refusal> {
    let (message, _) = framing::read(bytes, &limits()).map_err(|error| Refusal::BridgeConfig(error.to_string()))?;
    let config = message.get_root::<bridge::Reader<'_>>().and_then(read_bridge_config);
    config.map_err(|error| Refusal::BridgeConfig(error.to_string()))
}

fn read_manifest(manifest: wire::Reader<'_>) -> Result<Manifest> {
    Ok(Manifest {
        app_title: localized(manifest.get_app_title()?)?,
        app_version: manifest.get_app_version(),
        min_upgradable_app_version: manifest.get_min_upgradable_app_version(),
        app_marketing_version: localized(manifest.get_app_marketing_version()?)?,
        min_api_version: manifest.get_min_api_version(),
        max_api_version: manifest.get_max_api_version(),
        metadata: read_metadata(manifest.get_metadata()?)?,
        actions: manifest.get_actions()?.iter().map(read_action).collect::<Result<_>>()?,
        continue_command: read_command(manifest.get_continue_command()?)?,
    })
}

fn read_command(command: wire::command::Reader<'_>) -> Result<Command> {
    let mut argv = Vec::new();
    let program = exact(command.get_deprecated_executable_path()?)?;
    if !program.is_empty() {
        argv.push(program);
    }
    for argument in command.get_argv()? {
        argv.push(exact(argument?)?);
    }
    let mut environ = Vec::new();
    for pair in command.get_environ()? {
        let (key, value) = (exact(pair.get_key()?)?, exact(pair.get_value()?)?);
        if key.is_empty() || key.contains('=') {
            return Err(capnp::Error::failed(format!("{key:?} cannot be the name of an environment variable")));
        }
        environ.push((key, value));
    }
    Ok(Command { argv, environ })
}

fn read_action(action: wire::action::Reader<'_>) -> Result<Action> {
    let input = match action.get_input().which() {
        Ok(wire::action::input::None(())) => ActionInput::None,
        // An input that this Granary does not know is surely not "nothing".
        Ok(wire::action::input::Capability(_)) | Err(_) => ActionInput::Capability,
    };
    Ok(Action {
        input,
        command: read_command(action.get_command()?)?,
        title: localized(action.get_title()?)?,
        noun_phrase: localized(action.get_noun_phrase()?)?,
        description: localized(action.get_description()?)?,
    })
}

fn read_metadata(data: metadata::Reader<'_>) -> Result<Metadata> {
    let icons = data.get_icons();
    let author = data.get_author();
    let license = data.get_license();
    Ok(Metadata {
        icons: Icons {
            app_grid: read_icon(icons.get_app_grid()?)?,
            grain: read_icon(icons.get_grain()?)?,
            market: read_icon(icons.get_market()?)?,
            market_big: read_icon(icons.get_market_big()?)?,
        },
        website: optional(data.get_website()?),
        code_url: optional(data.get_code_url()?),
        license_notices: localized(license.get_notices()?)?,
        license: match license.which() {
            Ok(metadata::license::None(())) | Err(_) => License::None,
            Ok(metadata::license::OpenSource(license)) => {
                let number = license.map_or_else(|unknown| unknown.0, |known| known as u16);
                let id = LICENSES.get(usize::from(number)).filter(|id| !id.is_empty());
                License::OpenSource { id: id.map(ToString::to_string) }
            }
            Ok(metadata::license::Proprietary(text)) => License::Proprietary { text: localized(text?)? },
            Ok(metadata::license::PublicDomain(text)) => License::PublicDomain { text: localized(text?)? },
        },
        categories: data
            .get_categories()?
            .iter()
            .filter_map(|category| {
                Category::from_number(category.map_or_else(|unknown| unknown.0, |known| known as u16))
            })
            .collect(),
        author: Author {
            upstream_author: optional(author.get_upstream_author()?),
            contact_email: optional(author.get_contact_email()?),
            pgp_signature: blob(author.get_pgp_signature()?),
            pgp_keyring: blob(data.get_pgp_keyring()?),
        },
        short_description: localized(data.get_short_description()?)?,
        description: localized(data.get_description()?)?,
        change_log: localized(data.get_change_log()?)?,
        screenshots: data.get_screenshots()?.len(),
    })
}

fn read_icon(icon: metadata::icon::Reader<'_>) -> Result<Option<Icon>> {
    Ok(match icon.which() {
        Ok(metadata::icon::Svg(text)) => {
            let text = shown(text?);
            (!text.is_empty() && text.len() <= ICON_LIMIT).then_some(Icon::Svg { text })
        }
        Ok(metadata::icon::Png(png)) => {
            let keep = |data: &[u8]| blob(data).filter(|bytes| bytes.0.len() <= ICON_LIMIT);
            let (dpi1x, dpi2x) = (keep(png.get_dpi1x()?), keep(png.get_dpi2x()?));
            (dpi1x.is_some() || dpi2x.is_some()).then_some(Icon::Png { dpi1x, dpi2x })
        }
        Ok(metadata::icon::Unknown(())) | Err(_) => None,
    })
}

fn read_bridge_config(config: bridge::Reader<'_>) -> Result<BridgeConfig> {
    let names = config.get_powerbox_apis()?.iter().map(|api| Ok(shown(api.get_name()?)));
    Ok(BridgeConfig {
        view_info: read_view_info(config.get_view_info()?)?,
        api_path: optional(config.get_api_path()?),
        save_identity_caps: config.get_save_identity_caps(),
        expect_app_hooks: config.get_expect_app_hooks(),
        powerbox_apis: names.collect::<Result<_>>()?,
    })
}

fn read_view_info(info: ui_view::view_info::Reader<'_>) -> Result<ViewInfo> {
    let permissions = info.get_permissions()?.iter().map(|permission| {
        Ok(PermissionDef {
            name: shown(permission.get_name()?),
            title: localized(permission.get_title()?)?,
            description: localized(permission.get_description()?)?,
            obsolete: permission.get_obsolete(),
        })
    });
    let roles = info.get_roles()?.iter().map(|role| {
        Ok(RoleDef {
            title: localized(role.get_title()?)?,
            verb_phrase: localized(role.get_verb_phrase()?)?,
            description: localized(role.get_description()?)?,
            permissions: role.get_permissions()?.iter().collect(),
            obsolete: role.get_obsolete(),
            default: role.get_default(),
        })
    });
    Ok(ViewInfo { permissions: permissions.collect::<Result<_>>()?, roles: roles.collect::<Result<_>>()? })
}

fn localized(text: localized_text::Reader<'_>) -> Result<LocalizedText> {
    let localizations = text
        .get_localizations()?
        .iter()
        .map(|one| Ok(Localization { locale: shown(one.get_locale()?), text: shown(one.get_text()?) }));
    Ok(LocalizedText {
        default_text: shown(text.get_default_text()?),
        localizations: localizations.collect::<Result<_>>()?,
    })
}

/// A text that is only shown; bytes that are not UTF-8 become replacement characters.
fn shown(text: capnp::text::Reader<'_>) -> String {
    String::from_utf8_lossy(text.as_bytes()).into_owned()
}

/// A text that becomes an argument or a variable of a program, and so must be what it was.
fn exact(text: capnp::text::Reader<'_>) -> Result<String> {
    let text = text.to_string()?;
    if text.contains('\0') {
        return Err(capnp::Error::failed(format!("{text:?} has a zero byte, so no program can be given it")));
    }
    Ok(text)
}

fn optional(text: capnp::text::Reader<'_>) -> Option<String> {
    Some(shown(text)).filter(|text| !text.is_empty())
}

fn blob(data: &[u8]) -> Option<Bytes> {
    (!data.is_empty()).then(|| Bytes(data.to_vec()))
}
