//! The owner's way into a grain: opens the app's web session when the gateway asks for one.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use granary_gateway::web::{OpenError, SessionOpener, WebParams};
use granary_grain::{Grains, IdentityId, Permissions, SessionRequest, User};
use granary_store::Store;
use granary_wire::web_session_capnp::web_session;

use crate::changes::Changes;
use crate::core::{Core, now};
use crate::settings::handle;
use crate::source::refused;

/// One session of the owner's.
pub(crate) struct OwnerSession {
    grains: Grains,
    store: Arc<Store>,
    changes: Arc<Changes>,
    grain: String,
    user: User,
    /// Sessions of one tab share it; here each session is a tab of its own.
    tab: [u8; 16],
}

impl OwnerSession {
    pub(crate) fn new(core: &Core, grain: String, identity: IdentityId) -> Result<Self, granary_grain::Error> {
        let mut tab = [0; 16];
        getrandom::fill(&mut tab).map_err(|error| granary_grain::Error::Random(error.to_string()))?;
        let name = core.chosen().name();
        let user = User {
            handle: handle(&name),
            display_name: name,
            identity_id: Some(identity),
            permissions: Permissions::Owner,
        };
        let (store, changes) = (Arc::clone(&core.store), Arc::clone(&core.changes));
        Ok(Self { grains: core.grains.clone(), store, changes, grain, user, tab })
    }
}

impl SessionOpener for OwnerSession {
    fn open(&self, params: WebParams) -> LocalBoxFuture<'static, Result<web_session::Client, OpenError>> {
        let grains = self.grains.clone();
        let store = Arc::clone(&self.store);
        let changes = Arc::clone(&self.changes);
        let grain = self.grain.clone();
        let request = SessionRequest {
            user: self.user.clone(),
            params: granary_grain::WebParams {
                base_path: params.base_path,
                user_agent: params.user_agent,
                acceptable_languages: params.languages,
            },
            tab_id: self.tab,
        };
        async move {
            let session = grains.open_session(&grain, request).await.map_err(|error| {
                let problem = refused(&error);
                let message = if problem.remedy.is_empty() {
                    problem.message
                } else {
                    format!("{} {}", problem.message, problem.remedy)
                };
                OpenError { code: problem.code, message, status: problem.status }
            })?;
            tokio::task::spawn_blocking(move || match store.note(|w| w.set_grain_opened(&grain, now())) {
                Ok(_) => changes.grain(&grain),
                Err(error) => tracing::warn!(%error, "the time of a grain's last use was not written down"),
            });
            let client = session.client.get().map_err(|error| OpenError {
                code: "internal".into(),
                message: error.to_string(),
                status: hyper::StatusCode::INTERNAL_SERVER_ERROR,
            })?;
            Ok(web_session::Client::clone(&client))
        }
        .boxed_local()
    }
}
