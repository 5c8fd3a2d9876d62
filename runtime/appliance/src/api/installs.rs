//! Calls on packages that are looked at before they are installed.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use hyper::StatusCode;

use super::apps::{IconQuery, picture};
use super::extract::{Json, MaybeJson, Query, Via, content_length};
use super::problem::{Problem, Result};
use super::types::{Binary, ConfirmInstall, Install, InstallDone, InstallPatch, NewInstall};
use crate::core::Core;
use crate::words::Languages;

/// Lists the packages on their way, the oldest first; those that ended are there for a quarter of an hour.
#[utoipa::path(get, path = "/installs", tag = "installs", operation_id = "listInstalls",
    responses((status = 200, description = "The packages on their way", body = Vec<Install>), Problem))]
pub(super) async fn list(State(core): State<Arc<Core>>, languages: Languages) -> axum::Json<Vec<Install>> {
    axum::Json(core.installs.all(&languages))
}

/// Begins to take a package in and to check it; nothing of it is installed before `confirm`. Events tell how far it is.
#[utoipa::path(post, path = "/installs", tag = "installs", operation_id = "newInstall",
    request_body = NewInstall,
    responses((status = 201, description = "It is on its way", body = Install), Problem))]
pub(super) async fn create(
    State(core): State<Arc<Core>>,
    via: Via,
    Json(request): Json<NewInstall>,
) -> Result<(StatusCode, axum::Json<Install>)> {
    Ok((StatusCode::CREATED, axum::Json(core.new_install(request, via).await?)))
}

/// One package on its way.
#[utoipa::path(get, path = "/installs/{installId}", tag = "installs", operation_id = "getInstall",
    params(("installId" = String, Path, description = "The package on its way")),
    responses((status = 200, description = "How it is", body = Install), Problem))]
pub(super) async fn get(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    languages: Languages,
) -> Result<axum::Json<Install>> {
    core.get_install(&id, &languages).map(axum::Json)
}

/// Says whether anybody watches it; where nobody does, a notification tells when it waits for an answer or why it failed.
#[utoipa::path(patch, path = "/installs/{installId}", tag = "installs", operation_id = "changeInstall",
    params(("installId" = String, Path, description = "The package on its way")),
    request_body = InstallPatch,
    responses((status = 200, description = "How it is", body = Install), Problem))]
pub(super) async fn patch(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    languages: Languages,
    Json(request): Json<InstallPatch>,
) -> Result<axum::Json<Install>> {
    core.watch_install(&id, request.background, &languages).await.map(axum::Json)
}

/// Stops it, at any point before it is being installed, and forgets it.
#[utoipa::path(delete, path = "/installs/{installId}", tag = "installs", operation_id = "cancelInstall",
    params(("installId" = String, Path, description = "The package on its way")),
    responses((status = 204, description = "Nothing is left of it"), Problem))]
pub(super) async fn cancel(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Result<StatusCode> {
    core.cancel_install(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends the file of an upload. Answers once it is checked.
#[utoipa::path(put, path = "/installs/{installId}/file", tag = "installs", operation_id = "uploadInstall",
    params(("installId" = String, Path, description = "The package on its way")),
    request_body(content = Binary, content_type = "application/octet-stream", description = "The .spk file"),
    responses((status = 200, description = "It waits for an answer", body = Install), Problem))]
pub(super) async fn file(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    languages: Languages,
    headers: HeaderMap,
    body: Body,
) -> Result<axum::Json<Install>> {
    core.install_file(&id, body, content_length(&headers), &languages).await.map(axum::Json)
}

/// The answer yes: its app is made from it from now on.
#[utoipa::path(post, path = "/installs/{installId}/confirm", tag = "installs", operation_id = "confirmInstall",
    params(("installId" = String, Path, description = "The package on its way")),
    request_body(content = Option<ConfirmInstall>, description = "May be left out"),
    responses((status = 200, description = "It is installed", body = InstallDone), Problem))]
pub(super) async fn confirm(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    languages: Languages,
    MaybeJson(request): MaybeJson<ConfirmInstall>,
) -> Result<axum::Json<InstallDone>> {
    core.confirm_install(&id, request, &languages).await.map(axum::Json)
}

/// The picture of what waits for an answer.
#[utoipa::path(get, path = "/installs/{installId}/icon", tag = "installs", operation_id = "getInstallIcon",
    params(("installId" = String, Path, description = "The package on its way"), IconQuery),
    responses(
        (status = 200, description = "The picture", content(
            (String = "image/svg+xml"),
            (Binary = "image/png"),
        )),
        Problem))]
pub(super) async fn icon(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    Query(query): Query<IconQuery>,
) -> Result<Response> {
    core.install_icon(&id, query.kind()).map(picture)
}
