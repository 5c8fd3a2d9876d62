//! What the platform sees of the grain: its view, which opens sessions.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

use capnp::capability::FromClientHook;
use capnp::{any_pointer, data};
use granary_wire::api_session_capnp::api_session;
use granary_wire::grain_capnp::{main_view, ui_session, ui_view};
use granary_wire::identity_capnp::user_info;
use granary_wire::web_session_capnp::web_session;

use crate::config::Config;
use crate::mail::Mailbox;
use crate::request::{Origin, Purpose, Standing, Visitor};
use crate::session::{Session, Shared};

/// Session types are interface ids.
const WEB_SESSION: u64 = 0xa507_11a1_4d35_a8ce;
const API_SESSION: u64 = 0xc879_e379_c625_cdc7;
const EMAIL_SESSION: u64 = 0xc3b5_ced7_344b_04a6;

/// The grain's main view.
pub(crate) struct View {
    config: Config,
    shared: Rc<Shared>,
    mail: PathBuf,
    sessions: Cell<u64>,
}

impl View {
    pub(crate) fn new(config: Config, shared: Rc<Shared>, mail: PathBuf) -> Self {
        Self { config, shared, mail, sessions: Cell::new(0) }
    }

    fn open(
        &self,
        user: user_info::Reader<'_>,
        session_type: u64,
        params: any_pointer::Reader<'_>,
        tab: data::Reader<'_>,
        purpose: Purpose,
    ) -> capnp::Result<ui_session::Client> {
        let session = self.sessions.get();
        let visitor = Visitor { user, tab, purpose, session };
        let opened = match (session_type, self.config.api_path()) {
            (WEB_SESSION, _) => {
                let standing = Standing::new(&self.config, &visitor, &Origin::Browser(params.get_as()?))?;
                let session = Session::new(Rc::clone(&self.shared), standing, "/".to_owned());
                let client: web_session::Client = capnp_rpc::new_client(session);
                ui_session::Client::new(client.into_client_hook())
            }
            (API_SESSION, Some(path)) => {
                let params = params.get_as::<api_session::params::Reader<'_>>()?;
                let address = if params.has_remote_address() { Some(params.get_remote_address()?) } else { None };
                let standing = Standing::new(&self.config, &visitor, &Origin::Program(address))?;
                let session = Session::new(Rc::clone(&self.shared), standing, api_root(path));
                let client: api_session::Client = capnp_rpc::new_client(session);
                ui_session::Client::new(client.into_client_hook())
            }
            (EMAIL_SESSION, _) => {
                let client: granary_wire::hack_session_capnp::hack_email_session::Client =
                    capnp_rpc::new_client(Mailbox::new(self.mail.clone()));
                ui_session::Client::new(client.into_client_hook())
            }
            _ => return Err(capnp::Error::failed("Unsupported session type.".to_owned())),
        };
        self.sessions.set(session + 1);
        Ok(opened)
    }
}

/// The API's path with its slashes, so that a request's path can follow.
fn api_root(path: &str) -> String {
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{slash}{path}")
}

impl ui_view::Server for View {
    async fn get_view_info(
        self: Rc<Self>,
        _: ui_view::GetViewInfoParams,
        mut results: ui_view::GetViewInfoResults,
    ) -> capnp::Result<()> {
        results.set(self.config.view_info()?)
    }

    async fn new_session(
        self: Rc<Self>,
        params: ui_view::NewSessionParams,
        mut results: ui_view::NewSessionResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        results.get().set_session(self.open(
            params.get_user_info()?,
            params.get_session_type(),
            params.get_session_params(),
            params.get_tab_id()?,
            Purpose::Normal,
        )?);
        Ok(())
    }

    async fn new_request_session(
        self: Rc<Self>,
        params: ui_view::NewRequestSessionParams,
        mut results: ui_view::NewRequestSessionResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        results.get().set_session(self.open(
            params.get_user_info()?,
            params.get_session_type(),
            params.get_session_params(),
            params.get_tab_id()?,
            Purpose::Request,
        )?);
        Ok(())
    }

    async fn new_offer_session(
        self: Rc<Self>,
        params: ui_view::NewOfferSessionParams,
        mut results: ui_view::NewOfferSessionResults,
    ) -> capnp::Result<()> {
        let params = params.get()?;
        results.get().set_session(self.open(
            params.get_user_info()?,
            params.get_session_type(),
            params.get_session_params(),
            params.get_tab_id()?,
            Purpose::Offer,
        )?);
        Ok(())
    }
}

impl main_view::Server<any_pointer::Owned> for View {}
