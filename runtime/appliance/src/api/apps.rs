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
use super::types::{App, Binary};
use crate::core::Core;

/// Lists the installed apps by title.
#[utoipa::path(get, path = "/apps", tag = "apps", operation_id = "listApps",
    responses((status = 200, description = "The apps", body = Vec<App>), Problem))]
pub(super) async fn list(State(core): State<Arc<Core>>) -> Result<axum::Json<Vec<App>>> {
    core.apps().await.map(axum::Json)
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
    let kind = match query.kind {
        IconKind::Grid => granary_store::IconKind::Grid,
        IconKind::Grain => granary_store::IconKind::Grain,
    };
    let icon = core.icon(&app_id, kind).await?;
    Ok((
        [
            (header::CONTENT_TYPE, icon.media_type.as_str()),
            (header::CACHE_CONTROL, "private, max-age=600"),
            // An SVG of a stranger's, should anybody get it shown as a page of this origin: no scripts, no requests.
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        icon.image,
    )
        .into_response())
}
