//! The grain's main view: permissions and roles for the platform, and a session for each visitor.

use std::rc::Rc;

use capnp::Error;
use granary_wire::{grain_capnp::ui_view, identity_capnp::user_info, web_session_capnp::web_session};

use crate::{App, session::Session};

/// One permission: its index in [`View::permissions`] is its place in [`Visitor::permissions`].
#[derive(Debug, Clone, Copy)]
pub struct Permission {
    /// Short name, for programs.
    pub name: &'static str,
    /// Title, for people.
    pub title: &'static str,
}

/// One role that a person can give to another.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    /// "editor"
    pub title: &'static str,
    /// "can edit"
    pub verb: &'static str,
    /// Which permissions it holds, in the order of [`View::permissions`].
    pub permissions: &'static [bool],
    /// Whether it is the one offered first.
    pub default: bool,
}

/// What the platform is told about the app.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Every permission.
    pub permissions: &'static [Permission],
    /// Every role.
    pub roles: &'static [Role],
}

/// Who uses a session, as the platform says; apps never ask anybody for a name or a password.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Display name.
    pub name: String,
    /// Stable id within this grain; `None` for somebody anonymous.
    pub id: Option<Vec<u8>>,
    /// What they may do, in the order of [`View::permissions`]; a missing tail means no.
    pub permissions: Vec<bool>,
}

impl Visitor {
    /// Whether they hold the permission with this index.
    #[must_use]
    pub fn may(&self, permission: usize) -> bool {
        self.permissions.get(permission).copied().unwrap_or(false)
    }

    fn read(info: user_info::Reader<'_>) -> capnp::Result<Self> {
        let id = info.get_identity_id()?;
        Ok(Self {
            name: info.get_display_name()?.get_default_text()?.to_string().map_err(|e| Error::failed(e.to_string()))?,
            id: (!id.is_empty()).then(|| id.to_vec()),
            permissions: info.get_permissions()?.iter().collect(),
        })
    }
}

pub(crate) struct MainView<A> {
    app: Rc<A>,
}

impl<A: App> MainView<A> {
    pub(crate) fn new(app: Rc<A>) -> Self {
        Self { app }
    }
}

impl<A: App> ui_view::Server for MainView<A> {
    async fn get_view_info(
        self: Rc<Self>,
        _: ui_view::GetViewInfoParams,
        mut results: ui_view::GetViewInfoResults,
    ) -> capnp::Result<()> {
        let view = self.app.view();
        let mut info = results.get();
        let mut permissions = info.reborrow().init_permissions(length(view.permissions));
        for (i, permission) in (0..).zip(view.permissions) {
            let mut out = permissions.reborrow().get(i);
            out.set_name(permission.name);
            out.init_title().set_default_text(permission.title);
        }
        let mut roles = info.init_roles(length(view.roles));
        for (i, role) in (0..).zip(view.roles) {
            let mut out = roles.reborrow().get(i);
            out.set_default(role.default);
            out.reborrow().init_title().set_default_text(role.title);
            out.reborrow().init_verb_phrase().set_default_text(role.verb);
            let mut bits = out.init_permissions(length(role.permissions));
            for (j, bit) in (0..).zip(role.permissions) {
                bits.set(j, *bit);
            }
        }
        Ok(())
    }

    async fn new_session(
        self: Rc<Self>,
        params: ui_view::NewSessionParams,
        mut results: ui_view::NewSessionResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        if params.get_session_type() != <web_session::Client as capnp::traits::HasTypeId>::TYPE_ID {
            return Err(Error::failed("This app is used through the web only.".to_owned()));
        }
        let visitor = Visitor::read(params.get_user_info()?)?;
        let session: web_session::Client = capnp_rpc::new_client(Session::new(self.app.clone(), visitor));
        results.get().set_session(capnp::capability::FromClientHook::new(session.client.hook));
        Ok(())
    }
}

fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).expect("a short list")
}
