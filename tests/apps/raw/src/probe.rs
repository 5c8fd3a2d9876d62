//! Calls outward: every method there is, one at a time or in floods.

use std::rc::Rc;

use capnp::capability::{FromClientHook, Promise};
use capnp::{Error, ErrorKind};
use granary_wire::email_capnp::email_send_port;
use granary_wire::grain_capnp::session_context;
use granary_wire::hack_session_capnp::hack_session_context;
use granary_wire::util_capnp::handle;
use serde_json::{Map, Value};

use crate::Api;

struct Nothing;

impl handle::Server for Nothing {
    async fn ping(self: Rc<Self>, _: handle::PingParams, _: handle::PingResults) -> Result<(), Error> {
        Ok(())
    }
}

fn some_capability() -> capnp::capability::Client {
    let client: handle::Client = capnp_rpc::new_client(Nothing);
    client.client
}

fn tell<T>(result: Result<T, Error>) -> Value {
    Value::String(match result {
        Ok(_) => "ok".into(),
        Err(error) => {
            let kind = match error.kind {
                ErrorKind::Unimplemented => "unimplemented",
                ErrorKind::Disconnected => "disconnected",
                ErrorKind::Overloaded => "overloaded",
                _ => "failed",
            };
            format!("{kind}: {}", error.extra)
        }
    })
}

/// Calls every method of the platform that this app can reach.
pub(crate) async fn every_method(api: &Api, context: &session_context::Client) -> Value {
    let mut answers = Map::new();
    macro_rules! call {
        ($object:expr, $name:literal, $request:ident $(, $fill:expr)?) => {{
            #[allow(unused_mut)]
            let mut request = $object.$request();
            $( #[allow(clippy::redundant_closure_call)] ($fill)(&mut request); )?
            answers.insert($name.into(), tell(request.send().promise.await));
        }};
    }
    call!(api, "deprecatedPublish", deprecated_publish_request);
    call!(api, "deprecatedRegisterAction", deprecated_register_action_request);
    call!(api, "shareCap", share_cap_request);
    call!(api, "shareView", share_view_request);
    call!(api, "restore", restore_request);
    call!(api, "drop", drop_request);
    call!(api, "deleted", deleted_request);
    call!(api, "stayAwake", stay_awake_request);
    {
        let mut request = api.save_request();
        request.get().init_cap().set_as_capability(some_capability().hook);
        answers.insert("save".into(), tell(request.send().promise.await));
    }
    call!(api, "backgroundActivity", background_activity_request);
    call!(api, "getIdentityId", get_identity_id_request);
    call!(api, "schedule", schedule_request);

    call!(context, "getSharedPermissions", get_shared_permissions_request);
    call!(context, "tieToUser", tie_to_user_request);
    call!(context, "offer", offer_request);
    call!(context, "request", request_request);
    call!(context, "fulfillRequest", fulfill_request_request);
    call!(context, "close", close_request);
    call!(context, "openView", open_view_request);
    call!(context, "claimRequest", claim_request_request);
    call!(context, "activity", activity_request);

    let hack = hack_session_context::Client::new(context.client.hook.add_ref());
    call!(hack, "getPublicId", get_public_id_request);
    call!(hack, "obsoleteHttpGet", obsolete_http_get_request);
    call!(hack, "getUserAddress", get_user_address_request);
    call!(hack, "obsoleteGenerateApiToken", obsolete_generate_api_token_request);
    call!(hack, "obsoleteListApiTokens", obsolete_list_api_tokens_request);
    call!(hack, "obsoleteRevokeApiToken", obsolete_revoke_api_token_request);
    call!(hack, "obsoleteGetIpNetwork", obsolete_get_ip_network_request);
    call!(hack, "obsoleteGetIpInterface", obsolete_get_ip_interface_request);
    call!(hack, "obsoleteGetUiViewForEndpoint", obsolete_get_ui_view_for_endpoint_request);

    let port = email_send_port::Client::new(context.client.hook.add_ref());
    call!(port, "send", send_request);
    call!(port, "hintAddress", hint_address_request);
    Value::Object(answers)
}

fn one(api: &Api) -> Promise<(), Error> {
    let mut request = api.restore_request();
    request.get().set_token(&[0x55; 64]);
    let answer = request.send().promise;
    Promise::from_future(async move { answer.await.map(|_| ()) })
}

/// Makes `count` calls at once and tells how they were answered.
pub(crate) async fn spam(api: &Api, count: usize) -> Value {
    let answers = futures::future::join_all((0..count).map(|_| one(api))).await;
    let mut kinds = Map::new();
    for answer in answers {
        let kind = answer.err().map_or("ok".to_owned(), |error| format!("{:?}", error.kind));
        let known = kinds.get(&kind).and_then(Value::as_u64).unwrap_or(0);
        kinds.insert(kind, Value::from(known + 1));
    }
    Value::Object(kinds)
}

/// Keeps `window` calls going until the program ends.
pub(crate) fn spam_forever(api: &Api, window: usize) {
    for _ in 0..window {
        let api = api.clone();
        tokio::task::spawn_local(async move {
            loop {
                if one(&api).await.is_err_and(|error| error.kind == ErrorKind::Disconnected) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        });
    }
}
