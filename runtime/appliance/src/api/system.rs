//! Calls on the appliance itself: status, logins, settings, self-test, live updates.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use futures::StreamExt as _;
use granary_gateway::Reach;

use super::extract::{Json, MaybeJson, Via};
use super::problem::{Problem, Result};
use super::reach::narrowed;
use super::types::{
    Done, Event, LoginCodeRequest, LoginReply, LoginRequest, LoginUrl, Settings, SettingsPatch, Status,
};
use crate::core::Core;
use crate::health::Entry;
use crate::words::Languages;

/// Version, port and health.
#[utoipa::path(get, path = "/status", tag = "appliance", operation_id = "getStatus",
    responses((status = 200, description = "How it is", body = Status), Problem))]
pub(super) async fn status(State(core): State<Arc<Core>>, reach: Option<Extension<Reach>>) -> axum::Json<Status> {
    let status = core.status();
    // A grain's window is told of nothing else.
    if matches!(reach, Some(Extension(Reach::Grain(_)))) {
        return axum::Json(Status { data_dir: String::new(), health: Vec::new(), ..status });
    }
    axum::Json(status)
}

/// Exchanges a one-time code for a login: sets the cookie and answers with the secret. Only in a browser; needs no secret.
#[utoipa::path(post, path = "/login", tag = "login", operation_id = "login",
    request_body = LoginRequest,
    responses((status = 200, description = "Logged in", body = LoginReply), Problem))]
#[expect(dead_code, reason = "the gateway answers it, since it owns cookies; here it is only described")]
pub(super) fn login() {}

/// Sends the login's cookie again, for a browser that lost it and still has the secret. Only in a browser; the secret in
/// `X-Granary-Secret` is enough.
#[utoipa::path(post, path = "/login/restore", tag = "login", operation_id = "restoreLogin",
    responses((status = 200, description = "The cookie is set", body = Done), Problem))]
#[expect(dead_code, reason = "the gateway answers it, since it owns cookies; here it is only described")]
pub(super) fn login_restore() {}

/// Ends this login. Only in a browser.
#[utoipa::path(post, path = "/logout", tag = "login", operation_id = "logout",
    responses((status = 200, description = "Logged out", body = Done), Problem))]
#[expect(dead_code, reason = "the gateway answers it, since it owns cookies; here it is only described")]
pub(super) fn logout() {}

/// Makes a one-time login URL. Only over the Unix socket.
#[utoipa::path(post, path = "/login-code", tag = "login", operation_id = "createLoginCode",
    request_body(content = Option<LoginCodeRequest>, description = "May be left out"),
    responses((status = 200, description = "The URL", body = LoginUrl), Problem))]
pub(super) async fn login_code(
    State(core): State<Arc<Core>>,
    via: Via,
    MaybeJson(request): MaybeJson<LoginCodeRequest>,
) -> Result<axum::Json<LoginUrl>> {
    via.refuse_pages("Login codes are made on the command line only.", "Run `granary open`.")?;
    core.login_url(request.path.as_deref()).map(|url| axum::Json(LoginUrl { url }))
}

/// Live updates, one `Event` a line; a `ping` at least every 15 seconds.
#[utoipa::path(get, path = "/events", tag = "appliance", operation_id = "watchEvents",
    responses((status = 200, description = "The updates: one `Event` a line",
        content((Event = "application/x-ndjson"))), Problem))]
pub(super) async fn events(
    State(core): State<Arc<Core>>,
    reach: Option<Extension<Reach>>,
    languages: Languages,
) -> Response {
    let reach = reach.map(|Extension(reach)| reach);
    let events = core.watch(languages).filter_map(move |event| std::future::ready(narrowed(reach.as_ref(), event)));
    super::ndjson(events)
}

/// Runs the self-test again: each thing Granary needs of this computer.
#[utoipa::path(get, path = "/doctor", tag = "appliance", operation_id = "runDoctor",
    responses((status = 200, description = "The findings", body = Vec<Entry>), Problem))]
pub(super) async fn doctor(State(core): State<Arc<Core>>) -> Result<axum::Json<Vec<Entry>>> {
    core.doctor().await.map(axum::Json)
}

/// The settings.
#[utoipa::path(get, path = "/settings", tag = "appliance", operation_id = "getSettings",
    responses((status = 200, description = "The settings", body = Settings), Problem))]
pub(super) async fn settings(State(core): State<Arc<Core>>) -> axum::Json<Settings> {
    axum::Json(core.settings())
}

/// Changes settings.
#[utoipa::path(patch, path = "/settings", tag = "appliance", operation_id = "changeSettings",
    request_body = SettingsPatch,
    responses((status = 200, description = "The settings as they are now", body = Settings), Problem))]
pub(super) async fn change_settings(
    State(core): State<Arc<Core>>,
    Json(patch): Json<SettingsPatch>,
) -> Result<axum::Json<Settings>> {
    core.change_settings(patch).await.map(axum::Json)
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "appliance", operation_id = "getOpenApi",
    responses((status = 200, description = "The OpenAPI document", body = serde_json::Value), Problem))]
pub(super) async fn openapi() -> axum::Json<utoipa::openapi::OpenApi> {
    axum::Json(super::document())
}
