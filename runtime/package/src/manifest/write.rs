//! Writes manifests and bridge configurations as Cap'n Proto messages.

use capnp::message;
use granary_wire::framing;
use granary_wire::grain_capnp::ui_view;
use granary_wire::package_capnp::{Category as WireCategory, OpenSourceLicense};
use granary_wire::package_capnp::{bridge_config as bridge, manifest as wire, metadata};
use granary_wire::util_capnp::localized_text;

use super::{
    Action, ActionInput, BridgeConfig, Bytes, Command, Icon, LICENSES, License, LocalizedText, Manifest, Metadata,
    ViewInfo,
};

pub(crate) fn manifest_bytes(manifest: &Manifest) -> Vec<u8> {
    let mut message = message::Builder::new_default();
    let mut root = message.init_root::<wire::Builder<'_>>();
    localized(root.reborrow().init_app_title(), &manifest.app_title);
    root.set_app_version(manifest.app_version);
    root.set_min_upgradable_app_version(manifest.min_upgradable_app_version);
    localized(root.reborrow().init_app_marketing_version(), &manifest.app_marketing_version);
    root.set_min_api_version(manifest.min_api_version);
    root.set_max_api_version(manifest.max_api_version);
    write_metadata(root.reborrow().init_metadata(), &manifest.metadata);
    let mut actions = root.reborrow().init_actions(length(&manifest.actions));
    for (index, action) in (0..).zip(&manifest.actions) {
        write_action(actions.reborrow().get(index), action);
    }
    write_command(root.init_continue_command(), &manifest.continue_command);
    framing::to_bytes(&message)
}

pub(crate) fn bridge_config_bytes(config: &BridgeConfig) -> Vec<u8> {
    let mut message = message::Builder::new_default();
    let mut root = message.init_root::<bridge::Builder<'_>>();
    if let Some(path) = &config.api_path {
        root.set_api_path(path);
    }
    root.set_save_identity_caps(config.save_identity_caps);
    root.set_expect_app_hooks(config.expect_app_hooks);
    write_view_info(root.init_view_info(), &config.view_info);
    framing::to_bytes(&message)
}

fn write_command(mut command: wire::command::Builder<'_>, value: &Command) {
    let mut argv = command.reborrow().init_argv(length(&value.argv));
    for (index, argument) in (0..).zip(&value.argv) {
        argv.set(index, argument);
    }
    let mut environ = command.init_environ(length(&value.environ));
    for (index, (key, text)) in (0..).zip(&value.environ) {
        let mut pair = environ.reborrow().get(index);
        pair.set_key(key);
        pair.set_value(text);
    }
}

fn write_action(mut action: wire::action::Builder<'_>, value: &Action) {
    match value.input {
        ActionInput::None => action.reborrow().init_input().set_none(()),
        ActionInput::Capability => drop(action.reborrow().init_input().init_capability(0)),
    }
    write_command(action.reborrow().init_command(), &value.command);
    localized(action.reborrow().init_title(), &value.title);
    localized(action.reborrow().init_noun_phrase(), &value.noun_phrase);
    localized(action.init_description(), &value.description);
}

fn write_metadata(mut data: metadata::Builder<'_>, value: &Metadata) {
    let mut icons = data.reborrow().init_icons();
    if let Some(icon) = &value.icons.app_grid {
        write_icon(icons.reborrow().init_app_grid(), icon);
    }
    if let Some(icon) = &value.icons.grain {
        write_icon(icons.reborrow().init_grain(), icon);
    }
    if let Some(icon) = &value.icons.market {
        write_icon(icons.reborrow().init_market(), icon);
    }
    if let Some(icon) = &value.icons.market_big {
        write_icon(icons.init_market_big(), icon);
    }
    if let Some(address) = &value.website {
        data.set_website(address);
    }
    if let Some(address) = &value.code_url {
        data.set_code_url(address);
    }
    let mut license = data.reborrow().init_license();
    localized(license.reborrow().init_notices(), &value.license_notices);
    match &value.license {
        License::None => license.set_none(()),
        License::OpenSource { id } => {
            let number = LICENSES.iter().position(|known| id.as_deref() == Some(known)).unwrap_or_default();
            let number = u16::try_from(number).unwrap_or_default();
            license.set_open_source(OpenSourceLicense::try_from(number).unwrap_or(OpenSourceLicense::Invalid));
        }
        License::Proprietary { text } => localized(license.init_proprietary(), text),
        License::PublicDomain { text } => localized(license.init_public_domain(), text),
    }
    let mut categories = data.reborrow().init_categories(length(&value.categories));
    for (index, category) in (0..).zip(&value.categories) {
        categories.set(index, WireCategory::try_from(category.number()).unwrap_or(WireCategory::Other));
    }
    let mut author = data.reborrow().init_author();
    if let Some(name) = &value.author.upstream_author {
        author.set_upstream_author(name);
    }
    if let Some(address) = &value.author.contact_email {
        author.set_contact_email(address);
    }
    if let Some(Bytes(signature)) = &value.author.pgp_signature {
        author.set_pgp_signature(signature);
    }
    if let Some(Bytes(keyring)) = &value.author.pgp_keyring {
        data.set_pgp_keyring(keyring);
    }
    localized(data.reborrow().init_short_description(), &value.short_description);
    localized(data.reborrow().init_description(), &value.description);
    localized(data.init_change_log(), &value.change_log);
}

fn write_icon(mut icon: metadata::icon::Builder<'_>, value: &Icon) {
    match value {
        Icon::Svg { text } => icon.set_svg(text),
        Icon::Png { dpi1x, dpi2x } => {
            let mut png = icon.init_png();
            if let Some(Bytes(bytes)) = dpi1x {
                png.set_dpi1x(bytes);
            }
            if let Some(Bytes(bytes)) = dpi2x {
                png.set_dpi2x(bytes);
            }
        }
    }
}

fn write_view_info(mut info: ui_view::view_info::Builder<'_>, value: &ViewInfo) {
    let mut permissions = info.reborrow().init_permissions(length(&value.permissions));
    for (index, value) in (0..).zip(&value.permissions) {
        let mut permission = permissions.reborrow().get(index);
        permission.set_name(&value.name);
        permission.set_obsolete(value.obsolete);
        localized(permission.reborrow().init_title(), &value.title);
        localized(permission.init_description(), &value.description);
    }
    let mut roles = info.init_roles(length(&value.roles));
    for (index, value) in (0..).zip(&value.roles) {
        let mut role = roles.reborrow().get(index);
        role.set_obsolete(value.obsolete);
        role.set_default(value.default);
        localized(role.reborrow().init_title(), &value.title);
        localized(role.reborrow().init_verb_phrase(), &value.verb_phrase);
        localized(role.reborrow().init_description(), &value.description);
        let mut granted = role.init_permissions(length(&value.permissions));
        for (index, &flag) in (0..).zip(&value.permissions) {
            granted.set(index, flag);
        }
    }
}

fn localized(mut text: localized_text::Builder<'_>, value: &LocalizedText) {
    text.set_default_text(&value.default_text);
    if !value.localizations.is_empty() {
        let mut localizations = text.init_localizations(length(&value.localizations));
        for (index, value) in (0..).zip(&value.localizations) {
            let mut localization = localizations.reborrow().get(index);
            localization.set_locale(&value.locale);
            localization.set_text(&value.text);
        }
    }
}

/// Manifests are far smaller than a list may be.
fn length<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
