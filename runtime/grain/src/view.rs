//! Between the interface's structs and plain values: view info, user info, session parameters.

use capnp::{Error, text};
use granary_wire::grain_capnp::ui_view;
use granary_wire::identity_capnp::user_info;
use granary_wire::util_capnp::localized_text;
use granary_wire::web_session_capnp::web_session;

use crate::{PermissionDef, Permissions, RoleDef, SessionRequest, ViewInfo, WebParams};

/// How many permissions and roles are taken from an app.
const MAX_ITEMS: u32 = 1000;
/// How long a text of an app's is kept.
const MAX_TEXT: usize = 1000;

/// Copies what the app says of itself, as far as it is reasonable.
pub(crate) fn read_view_info(info: ui_view::view_info::Reader<'_>) -> Result<ViewInfo, Error> {
    let permissions = info.get_permissions()?;
    let roles = info.get_roles()?;
    let mut view = ViewInfo { app_title: localized(info.get_app_title()), ..ViewInfo::default() };
    for index in 0..permissions.len().min(MAX_ITEMS) {
        let permission = permissions.get(index);
        view.permissions.push(PermissionDef {
            name: plain(permission.get_name()),
            title: localized(permission.get_title()),
            description: localized(permission.get_description()),
            obsolete: permission.get_obsolete(),
        });
    }
    for index in 0..roles.len().min(MAX_ITEMS) {
        let role = roles.get(index);
        let held = role.get_permissions()?;
        view.roles.push(RoleDef {
            title: localized(role.get_title()),
            verb_phrase: localized(role.get_verb_phrase()),
            description: localized(role.get_description()),
            permissions: (0..held.len().min(MAX_ITEMS)).map(|bit| held.get(bit)).collect(),
            obsolete: role.get_obsolete(),
            default: role.get_default(),
        });
    }
    Ok(view)
}

fn localized(text: capnp::Result<localized_text::Reader<'_>>) -> String {
    plain(text.and_then(localized_text::Reader::get_default_text))
}

/// A text that is no text counts as none.
fn plain(text: capnp::Result<text::Reader<'_>>) -> String {
    let text = text.ok().and_then(|text| text.to_str().ok()).unwrap_or_default();
    text.char_indices().take_while(|(at, _)| *at < MAX_TEXT).map(|(_, c)| c).collect()
}

/// What the user may do, one flag for each of the app's permissions.
pub(crate) fn held_permissions(permissions: &Permissions, view: &ViewInfo) -> Vec<bool> {
    match permissions {
        Permissions::Owner => vec![true; view.permissions.len()],
        Permissions::List(list) => {
            let count = view.permissions.len().max(list.len().min(1000));
            (0..count).map(|bit| list.get(bit).copied().unwrap_or(false)).collect()
        }
    }
}

/// Writes who opens the session.
pub(crate) fn write_user(request: &SessionRequest, held: &[bool], mut out: user_info::Builder<'_>) {
    let user = &request.user;
    out.reborrow().init_display_name().set_default_text(&user.display_name);
    out.set_preferred_handle(&user.handle);
    if let Some(id) = &user.identity_id {
        out.set_identity_id(&id.0);
    }
    let mut list = out.reborrow().init_permissions(u32::try_from(held.len()).unwrap_or(0));
    for (bit, held) in (0..).zip(held) {
        list.set(bit, *held);
    }
    out.set_deprecated_permissions_blob(&pack_bits(held));
}

/// The older form of a set of permissions: a bit each, the lowest first.
fn pack_bits(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |packed, bit| packed << 1 | u8::from(*bit))).collect()
}

/// Writes what the browser said of itself.
pub(crate) fn write_params(params: &WebParams, mut out: web_session::params::Builder<'_>) {
    out.set_base_path(&params.base_path);
    out.set_user_agent(&params.user_agent);
    let languages = &params.acceptable_languages;
    let mut list = out.init_acceptable_languages(u32::try_from(languages.len()).unwrap_or(0));
    for (index, language) in (0..).zip(languages) {
        list.set(index, language);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions() {
        let view = ViewInfo { permissions: vec![PermissionDef::default(); 10], ..ViewInfo::default() };
        assert_eq!(held_permissions(&Permissions::Owner, &view), vec![true; 10]);
        let some = held_permissions(&Permissions::List(vec![true, false, true]), &view);
        assert_eq!(some.len(), 10);
        assert_eq!(pack_bits(&some), [0b101, 0]);
        assert_eq!(pack_bits(&held_permissions(&Permissions::Owner, &view)), [0xff, 0b11]);
        assert_eq!(pack_bits(&[]), [0_u8; 0]);
    }
}
