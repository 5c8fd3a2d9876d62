//! Calls on grains.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use granary_gateway::LoginId;
use hyper::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Json, MaybeJson, Query};
use super::problem::{Problem, Result};
use super::types::{BulkRequest, BulkResult, Grain, GrainPatch, NewGrain, NewSession, Session};
use crate::core::Core;
use crate::words::Languages;

/// Lists all grains, those in the trash too; the last used first. With `If-None-Match`, only where one has changed.
#[utoipa::path(get, path = "/grains", tag = "grains", operation_id = "listGrains",
    responses(
        (status = 200, description = "The grains", body = Vec<Grain>),
        (status = 304, description = "Nothing has changed"),
        Problem))]
pub(super) async fn list(State(core): State<Arc<Core>>, languages: Languages, headers: HeaderMap) -> Result<Response> {
    // Asked for before the list is read, so that a change in between makes the next answer differ.
    let revision = core.changes.revision();
    let tag = format!("\"{}-{}-{revision}-{}\"", core.instance, core.started, hex::encode(languages.key()));
    let headers_out = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "private, no-cache".into())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, headers_out).into_response());
    }
    let grains = core.list_grains(&languages).await?;
    Ok((headers_out, axum::Json(grains)).into_response())
}

/// Does the same to several grains; each is done or not, whatever happens to the others.
#[utoipa::path(post, path = "/grains/bulk", tag = "grains", operation_id = "changeGrains",
    request_body = BulkRequest,
    responses((status = 200, description = "What became of each", body = BulkResult), Problem))]
pub(super) async fn bulk(
    State(core): State<Arc<Core>>,
    Json(request): Json<BulkRequest>,
) -> Result<axum::Json<BulkResult>> {
    core.bulk(request).await.map(axum::Json)
}

/// Deletes for good all that is in the trash.
#[utoipa::path(post, path = "/trash/empty", tag = "grains", operation_id = "emptyTrash",
    responses((status = 200, description = "What became of each", body = BulkResult), Problem))]
pub(super) async fn empty_trash(State(core): State<Arc<Core>>) -> Result<axum::Json<BulkResult>> {
    core.empty_trash().await.map(axum::Json)
}

/// Makes a grain and starts it for the first time.
#[utoipa::path(post, path = "/grains", tag = "grains", operation_id = "createGrain",
    request_body = NewGrain,
    responses((status = 201, description = "The new grain", body = Grain), Problem))]
pub(super) async fn create(
    State(core): State<Arc<Core>>,
    languages: Languages,
    Json(request): Json<NewGrain>,
) -> Result<(StatusCode, axum::Json<Grain>)> {
    let grain = core.create_grain(request, &languages).await?;
    Ok((StatusCode::CREATED, axum::Json(grain)))
}

/// One grain.
#[utoipa::path(get, path = "/grains/{grainId}", tag = "grains", operation_id = "getGrain",
    params(("grainId" = String, Path, description = "The grain")),
    responses((status = 200, description = "The grain", body = Grain), Problem))]
pub(super) async fn get(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    languages: Languages,
) -> Result<axum::Json<Grain>> {
    let grain = core.grain(&id).await?;
    Ok(axum::Json(core.grain_in_words(grain, &languages)))
}

/// Renames a grain.
#[utoipa::path(patch, path = "/grains/{grainId}", tag = "grains", operation_id = "renameGrain",
    params(("grainId" = String, Path, description = "The grain")),
    request_body = GrainPatch,
    responses((status = 200, description = "The grain as it is now", body = Grain), Problem))]
pub(super) async fn patch(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    Json(request): Json<GrainPatch>,
) -> Result<axum::Json<Grain>> {
    core.rename_grain(&id, &request.title).await.map(axum::Json)
}

/// Stops a grain and moves it to the trash, from where it is deleted after 30 days.
#[utoipa::path(post, path = "/grains/{grainId}/trash", tag = "grains", operation_id = "trashGrain",
    params(("grainId" = String, Path, description = "The grain")),
    responses((status = 200, description = "The grain as it is now", body = Grain), Problem))]
pub(super) async fn trash(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Result<axum::Json<Grain>> {
    core.trash_grain(&id).await.map(axum::Json)
}

/// Takes a grain back out of the trash.
#[utoipa::path(post, path = "/grains/{grainId}/restore", tag = "grains", operation_id = "restoreGrain",
    params(("grainId" = String, Path, description = "The grain")),
    responses((status = 200, description = "The grain as it is now", body = Grain), Problem))]
pub(super) async fn restore(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Result<axum::Json<Grain>> {
    core.restore_grain(&id).await.map(axum::Json)
}

/// Deletes a grain for good, in the trash or not.
#[utoipa::path(delete, path = "/grains/{grainId}", tag = "grains", operation_id = "deleteGrain",
    params(("grainId" = String, Path, description = "The grain")),
    responses((status = 204, description = "Deleted"), Problem))]
pub(super) async fn delete(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Result<StatusCode> {
    core.delete_grain(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a URL that opens a grain.
#[utoipa::path(post, path = "/grains/{grainId}/session", tag = "grains", operation_id = "openSession",
    params(("grainId" = String, Path, description = "The grain")),
    request_body(content = Option<NewSession>, description = "May be left out"),
    responses((status = 200, description = "The way in", body = Session), Problem))]
pub(super) async fn session(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    login: Option<Extension<LoginId>>,
    MaybeJson(request): MaybeJson<NewSession>,
) -> Result<axum::Json<Session>> {
    // A session opened from a login ends with it.
    let login = login.map(|Extension(login)| login);
    core.open_session(&id, request.path.as_deref().unwrap_or("/"), login).await.map(axum::Json)
}

/// Stops a grain. It starts again on its next use; an open page may cause that.
#[utoipa::path(post, path = "/grains/{grainId}/stop", tag = "grains", operation_id = "stopGrain",
    params(("grainId" = String, Path, description = "The grain")),
    responses((status = 200, description = "The grain as it is now", body = Grain), Problem))]
pub(super) async fn stop(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Result<axum::Json<Grain>> {
    core.stop_grain(&id).await.map(axum::Json)
}

/// Stops a grain and starts it again. Its sessions stay; a page in a frame has to be loaded again.
#[utoipa::path(post, path = "/grains/{grainId}/restart", tag = "grains", operation_id = "restartGrain",
    params(("grainId" = String, Path, description = "The grain")),
    responses((status = 200, description = "The grain as it is now", body = Grain), Problem))]
pub(super) async fn restart(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Result<axum::Json<Grain>> {
    core.restart_grain(&id).await.map(axum::Json)
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct LogQuery {
    /// How many bytes of what is there; 8192 when missing.
    #[serde(default = "default_backlog")]
    backlog: u64,
    /// Whether to go on with what is written from now on.
    #[serde(default)]
    follow: bool,
}

fn default_backlog() -> u64 {
    8192
}

/// What a grain wrote to its log: whatever bytes the app printed.
#[utoipa::path(get, path = "/grains/{grainId}/log", tag = "grains", operation_id = "readLog",
    params(("grainId" = String, Path, description = "The grain"), LogQuery),
    responses((status = 200, description = "The log", content((String = "text/plain"))), Problem))]
pub(super) async fn log(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Response> {
    let stream = core.grain_log(&id, query.backlog, query.follow).await?;
    Ok((
        [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        Body::from_stream(stream),
    )
        .into_response())
}
