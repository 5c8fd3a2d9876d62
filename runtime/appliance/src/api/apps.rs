//! Calls on installed apps.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::extract::Query;
use super::problem::{Problem, Result};
use super::types::{App, AppDetails, Binary, UpgradedGrains};
use crate::core::Core;
use crate::words::Languages;

/// Lists the installed apps by title.
#[utoipa::path(get, path = "/apps", tag = "apps", operation_id = "listApps",
    responses((status = 200, description = "The apps", body = Vec<App>), Problem))]
pub(super) async fn list(State(core): State<Arc<Core>>, languages: Languages) -> Result<axum::Json<Vec<App>>> {
    core.apps(&languages).await.map(axum::Json)
}

/// All that is known of an app, also of one that was uninstalled and still has grains.
#[utoipa::path(get, path = "/apps/{appId}", tag = "apps", operation_id = "getApp",
    params(("appId" = String, Path, description = "The app")),
    responses((status = 200, description = "The app", body = AppDetails), Problem))]
pub(super) async fn details(
    State(core): State<Arc<Core>>,
    Path(app_id): Path<String>,
    languages: Languages,
) -> Result<axum::Json<AppDetails>> {
    core.app_details(&app_id, &languages).await.map(axum::Json)
}

/// Moves the app's grains that run from an older version to its current one, from their next start on.
#[utoipa::path(post, path = "/apps/{appId}/upgrade-grains", tag = "apps", operation_id = "upgradeGrains",
    params(("appId" = String, Path, description = "The app")),
    responses((status = 200, description = "Those that were moved", body = UpgradedGrains), Problem))]
pub(super) async fn upgrade_grains(
    State(core): State<Arc<Core>>,
    Path(app_id): Path<String>,
) -> Result<axum::Json<UpgradedGrains>> {
    core.upgrade_grains(&app_id).await.map(axum::Json)
}

/// Uninstalls an app. Its grains stay and keep working.
#[utoipa::path(delete, path = "/apps/{appId}", tag = "apps", operation_id = "uninstallApp",
    params(("appId" = String, Path, description = "The app")),
    responses((status = 204, description = "Uninstalled"), Problem))]
pub(super) async fn uninstall(State(core): State<Arc<Core>>, Path(app_id): Path<String>) -> Result<StatusCode> {
    core.uninstall(&app_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct IconQuery {
    /// Which icon; `grid` when missing.
    #[serde(default)]
    #[param(inline)]
    kind: IconKind,
}

impl IconQuery {
    pub(super) fn kind(&self) -> granary_store::IconKind {
        match self.kind {
            IconKind::Grid => granary_store::IconKind::Grid,
            IconKind::Grain => granary_store::IconKind::Grain,
        }
    }
}

#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum IconKind {
    /// The large one, for lists of apps.
    #[default]
    Grid,
    /// The small one, beside a grain's title.
    Grain,
}

/// An app's icon. It also answers for apps that are uninstalled but still have grains.
#[utoipa::path(get, path = "/apps/{appId}/icon", tag = "apps", operation_id = "getAppIcon",
    params(("appId" = String, Path, description = "The app"), IconQuery),
    responses(
        (status = 200, description = "The picture", content(
            (String = "image/svg+xml"),
            (Binary = "image/png"),
        )),
        Problem))]
pub(super) async fn icon(
    State(core): State<Arc<Core>>,
    Path(app_id): Path<String>,
    Query(query): Query<IconQuery>,
) -> Result<Response> {
    core.icon(&app_id, query.kind()).await.map(picture)
}

/// A stranger's picture.
pub(super) fn picture(icon: granary_store::Icon) -> Response {
    (
        [
            (header::CONTENT_TYPE, icon.media_type.as_str()),
            (header::CACHE_CONTROL, "private, max-age=600"),
            // An SVG of a stranger's, should anybody get it shown as a page of this origin: no scripts, no requests.
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        icon.image,
    )
        .into_response()
}
