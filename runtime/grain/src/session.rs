//! Opening a session: ask the app what it is, work out what the user may do, and ask it for the session.

use std::rc::Rc;

use capnp::ErrorKind;
use capnp::capability::FromClientHook;
use granary_wire::grain_capnp::{session_context, ui_view};
use granary_wire::hack_session_capnp::hack_session_context;
use granary_wire::vat::Local;
use granary_wire::web_session_capnp::web_session;

use crate::run::Run;
use crate::{Error, SessionRequest, ViewInfo, api, guard, view};

/// An open session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The app's end of it; lives on the vat. Calls fail as *disconnected* once the grain has ended: open another one.
    pub client: Local<web_session::Client>,
    /// What the app said of itself.
    pub view: ViewInfo,
    /// What the user may do, by position in `view.permissions`.
    pub permissions: Vec<bool>,
}

/// The same, on the vat.
pub(crate) struct Opened {
    pub(crate) client: web_session::Client,
    pub(crate) view: ViewInfo,
    pub(crate) permissions: Vec<bool>,
}

/// Opens a session in a run.
pub(crate) async fn open(run: &Rc<Run>, request: &SessionRequest, limit: std::time::Duration) -> Result<Opened, Error> {
    run.control.set_used();
    match tokio::time::timeout(limit, ask(run, request)).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(error)) if error.kind == ErrorKind::Disconnected => Err(Error::Ended(run.ended().await)),
        Ok(Err(error)) => Err(Error::App(error.extra)),
        Err(_) => Err(Error::Timeout(limit)),
    }
}

async fn ask(run: &Rc<Run>, request: &SessionRequest) -> Result<Opened, capnp::Error> {
    let ui: ui_view::Client = run.view.clone().cast_to();
    let info = view_info(&ui).await?;
    let permissions = view::held_permissions(&request.user.permissions, &info);
    let mut call = ui.new_session_request();
    let mut params = call.get();
    view::write_user(request, &permissions, params.reborrow().init_user_info());
    view::write_params(&request.params, params.reborrow().init_session_params().init_as());
    params.set_session_type(<web_session::Client as capnp::traits::HasTypeId>::TYPE_ID);
    params.set_tab_id(&request.tab_id);
    let context: hack_session_context::Client = capnp_rpc::new_client(api::Context);
    params.set_context(context.cast_to::<session_context::Client>());
    let response = call.send().promise.await?;
    let session = response.get()?;
    if !session.has_session() {
        return Err(capnp::Error::failed("it gave no session".to_owned()));
    }
    let client = web_session::Client::new(guard::guard(session.get_session()?.client.hook, run.control.clone()));
    Ok(Opened { client, view: info, permissions })
}

/// What the app says of itself; an app that fails to is one that has nothing to say.
async fn view_info(view: &ui_view::Client) -> Result<ViewInfo, capnp::Error> {
    match view.get_view_info_request().send().promise.await {
        Ok(response) => Ok(response.get().and_then(view::read_view_info).unwrap_or_default()),
        Err(error) if matches!(error.kind, ErrorKind::Failed | ErrorKind::Unimplemented) => Ok(ViewInfo::default()),
        Err(error) => Err(error),
    }
}
