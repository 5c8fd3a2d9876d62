//! The app's view: what it says of itself, and the sessions it gives.

use std::cell::OnceCell;
use std::rc::Rc;

use capnp::Error;
use granary_wire::grain_capnp::{main_view, ui_view};
use granary_wire::web_session_capnp::web_session;

use crate::session::{Session, Who};
use crate::{Api, ObjectId, boot};

pub(crate) struct View {
    pub(crate) api: Rc<OnceCell<Api>>,
    pub(crate) options: boot::Options,
}

impl main_view::Server<ObjectId> for View {}

impl ui_view::Server for View {
    async fn get_view_info(
        self: Rc<Self>,
        _: ui_view::GetViewInfoParams,
        mut results: ui_view::GetViewInfoResults,
    ) -> Result<(), Error> {
        let mut info = results.get();
        match self.options.view_info.as_str() {
            "empty" => return Ok(()),
            "unimplemented" => return Err(Error::unimplemented("no view info here".into())),
            "failed" => return Err(Error::failed("no view info today".into())),
            "hang" => return std::future::pending().await,
            "huge" => {
                let mut permissions = info.reborrow().init_permissions(200_000);
                (0..200_000).for_each(|index| permissions.reborrow().get(index).set_name("x"));
                info.init_app_title().set_default_text("T".repeat(1 << 20));
                return Ok(());
            }
            _ => {}
        }
        let mut permissions = info.reborrow().init_permissions(3);
        for (index, (name, title)) in
            [("view", "may look"), ("edit", "may change"), ("admin", "may manage")].iter().enumerate()
        {
            let mut permission = permissions.reborrow().get(u32::try_from(index).unwrap_or(0));
            permission.set_name(name);
            permission.reborrow().init_title().set_default_text(title);
            permission.init_description().set_default_text("");
        }
        let mut roles = info.reborrow().init_roles(2);
        for (index, (title, verb, held)) in
            [("editor", "can edit", [true, true, false]), ("viewer", "can view", [true, false, false])]
                .iter()
                .enumerate()
        {
            let mut role = roles.reborrow().get(u32::try_from(index).unwrap_or(0));
            role.reborrow().init_title().set_default_text(title);
            role.reborrow().init_verb_phrase().set_default_text(verb);
            role.set_default(index == 0);
            let mut list = role.init_permissions(3);
            (0..3).for_each(|bit| list.set(bit, held[bit as usize]));
        }
        info.init_app_title().set_default_text("Raw");
        Ok(())
    }

    async fn new_session(
        self: Rc<Self>,
        params: ui_view::NewSessionParams,
        mut results: ui_view::NewSessionResults,
    ) -> Result<(), Error> {
        match self.options.session.as_str() {
            "failed" => return Err(Error::failed("no session today".into())),
            "hang" => return std::future::pending().await,
            "null" => return Ok(()),
            _ => {}
        }
        let params = params.get()?;
        if params.get_session_type() != <web_session::Client as capnp::traits::HasTypeId>::TYPE_ID {
            return Err(Error::unimplemented("only web sessions".into()));
        }
        let who = Who::read(&params)?;
        let api = self.api.get().cloned().ok_or_else(|| Error::failed("not yet".into()))?;
        let session: web_session::Client = capnp_rpc::new_client(Session { api, context: params.get_context()?, who });
        results.get().set_session(granary_wire::grain_capnp::ui_session::Client { client: session.client });
        Ok(())
    }
}
