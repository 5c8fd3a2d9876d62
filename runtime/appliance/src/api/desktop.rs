//! Calls of the desktop and of the settings' pages: windows, storage, certificates, and what Granary is made of.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;

use super::extract::{Json, MaybeJson};
use super::problem::{Problem, Result};
use super::types::{About, Certificates, ChangeCertificates, Storage, Window, WindowPatch};
use crate::core::{Core, blocking};

/// The windows that are remembered, the last changed first.
#[utoipa::path(get, path = "/windows", tag = "desktop", operation_id = "listWindows",
    responses((status = 200, description = "The windows", body = Vec<Window>), Problem))]
pub(super) async fn windows(State(core): State<Arc<Core>>) -> Result<axum::Json<Vec<Window>>> {
    core.windows().await.map(axum::Json)
}

/// Remembers a window.
#[utoipa::path(put, path = "/windows/{windowId}", tag = "desktop", operation_id = "putWindow",
    params(("windowId" = String, Path, description = "The desktop's name for it: letters, digits, - and _")),
    request_body = WindowPatch,
    responses((status = 200, description = "The window as it is remembered", body = Window), Problem))]
pub(super) async fn put_window(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    Json(request): Json<WindowPatch>,
) -> Result<axum::Json<Window>> {
    core.put_window(&id, request).await.map(axum::Json)
}

/// Forgets a window.
#[utoipa::path(delete, path = "/windows/{windowId}", tag = "desktop", operation_id = "forgetWindow",
    params(("windowId" = String, Path, description = "The desktop's name for it")),
    responses((status = 204, description = "Forgotten"), Problem))]
pub(super) async fn forget_window(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Result<StatusCode> {
    core.forget_window(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What takes space, and how much is left.
#[utoipa::path(get, path = "/storage", tag = "appliance", operation_id = "getStorage",
    responses((status = 200, description = "The space", body = Storage), Problem))]
pub(super) async fn storage(State(core): State<Arc<Core>>) -> Result<axum::Json<Storage>> {
    core.storage().await.map(axum::Json)
}

/// Which browsers and programs trust Granary's certificates.
#[utoipa::path(get, path = "/certificates", tag = "appliance", operation_id = "getCertificates",
    responses((status = 200, description = "How things stand", body = Certificates), Problem))]
pub(super) async fn certificates(State(core): State<Arc<Core>>) -> Result<axum::Json<Certificates>> {
    core.certificates().await.map(axum::Json)
}

/// Makes them trust the certificates, wherever that is allowed.
#[utoipa::path(post, path = "/certificates/install", tag = "appliance", operation_id = "installCertificates",
    request_body(content = Option<ChangeCertificates>, description = "May be left out"),
    responses((status = 200, description = "How things stand now", body = Certificates), Problem))]
pub(super) async fn install_certificates(
    State(core): State<Arc<Core>>,
    MaybeJson(request): MaybeJson<ChangeCertificates>,
) -> Result<axum::Json<Certificates>> {
    core.install_certificates(request.user_only).await.map(axum::Json)
}

/// Undoes that.
#[utoipa::path(post, path = "/certificates/remove", tag = "appliance", operation_id = "removeCertificates",
    request_body(content = Option<ChangeCertificates>, description = "May be left out"),
    responses((status = 200, description = "How things stand now", body = Certificates), Problem))]
pub(super) async fn remove_certificates(
    State(core): State<Arc<Core>>,
    MaybeJson(request): MaybeJson<ChangeCertificates>,
) -> Result<axum::Json<Certificates>> {
    core.remove_certificates(request.user_only).await.map(axum::Json)
}

/// What Granary is, and whose work is in it.
#[utoipa::path(get, path = "/about", tag = "appliance", operation_id = "getAbout",
    responses((status = 200, description = "What it is made of", body = About), Problem))]
pub(super) async fn about() -> Result<axum::Json<About>> {
    blocking(crate::about::about).await.map(axum::Json)
}

/// The texts of one component's licence.
#[utoipa::path(get, path = "/about/notices/{notice}", tag = "appliance", operation_id = "getNotice",
    params(("notice" = u32, Path, description = "The component's `notice`")),
    responses((status = 200, description = "The texts", content((String = "text/plain"))), Problem))]
pub(super) async fn notice(Path(number): Path<String>) -> Result<Response> {
    let number = number.parse().unwrap_or(u32::MAX);
    let text = blocking(move || crate::about::notice(number)).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], text)
        .into_response())
}
