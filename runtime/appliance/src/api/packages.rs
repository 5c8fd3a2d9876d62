//! Calls that install packages; each answers with a report, line by line, while it works.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Json, Query, Via, content_length};
use super::problem::{Problem, Result};
use super::types::{Binary, InstallEvent, InstallFromUrl};
use crate::core::Core;

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct UploadQuery {
    /// The package id it must have.
    expect: Option<String>,
}

/// Installs the package in the body at once, without asking. The report begins while the body is still on its way.
#[utoipa::path(post, path = "/packages", tag = "apps", operation_id = "installPackage",
    params(UploadQuery),
    request_body(content = Binary, content_type = "application/octet-stream", description = "The .spk file"),
    responses((status = 200, description = "The report: one `InstallEvent` a line",
        content((InstallEvent = "application/x-ndjson"))), Problem))]
pub(super) async fn upload(
    State(core): State<Arc<Core>>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let report = core.install_upload(body, content_length(&headers), query.expect)?;
    Ok(super::ndjson(report))
}

/// Downloads a package and installs it at once, without asking.
#[utoipa::path(post, path = "/packages/from-url", tag = "apps", operation_id = "installPackageFromUrl",
    request_body = InstallFromUrl,
    responses((status = 200, description = "The report: one `InstallEvent` a line",
        content((InstallEvent = "application/x-ndjson"))), Problem))]
pub(super) async fn from_url(
    State(core): State<Arc<Core>>,
    via: Via,
    Json(request): Json<InstallFromUrl>,
) -> Result<Response> {
    // A page must not make the appliance knock on doors of the local network; its owner's own command line could
    // knock there without us.
    let report = core.install_from_url(&request.url, request.expect, via == Via::Socket)?;
    Ok(super::ndjson(report))
}
