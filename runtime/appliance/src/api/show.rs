//! Calls that show something on the desktop: windows, the person's browser, what another start was given.

use std::sync::Arc;

use axum::extract::{Path, State};
use hyper::StatusCode;

use super::extract::{Json, MaybeJson, Via};
use super::problem::{Problem, Result};
use super::types::{Done, Given, NewSession, ShowMain};
use crate::core::Core;
use crate::front::{Desktop, Show};

fn desktop(core: &Core) -> Result<&Arc<dyn Desktop>> {
    core.desktop.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "no-desktop",
            "Granary runs without windows",
            "This Granary was started as `granary serve`, which has no windows.",
        )
        .remedy("Use it in the browser: `granary open`.")
    })
}

/// Opens the window of a grain, or raises it.
#[utoipa::path(post, path = "/grains/{grainId}/window", tag = "desktop", operation_id = "showGrain",
    params(("grainId" = String, Path, description = "The grain")),
    request_body(content = Option<NewSession>, description = "May be left out"),
    responses((status = 200, description = "It is being shown", body = Done), Problem))]
pub(super) async fn grain(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    MaybeJson(request): MaybeJson<NewSession>,
) -> Result<axum::Json<Done>> {
    let desktop = desktop(&core)?;
    let grain = core.grain(&id).await?;
    let path = request.path.unwrap_or_else(|| "/".into());
    desktop.show(Show::Grain { grain_id: grain.grain_id, path });
    Ok(axum::Json(Done {}))
}

/// Opens a grain in the person's browser, by a URL that works once.
#[utoipa::path(post, path = "/grains/{grainId}/browser", tag = "desktop", operation_id = "showGrainInBrowser",
    params(("grainId" = String, Path, description = "The grain")),
    request_body(content = Option<NewSession>, description = "May be left out"),
    responses((status = 200, description = "The browser is being started", body = Done), Problem))]
pub(super) async fn browser(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    MaybeJson(request): MaybeJson<NewSession>,
) -> Result<axum::Json<Done>> {
    let desktop = desktop(&core)?;
    let session = core.open_session(&id, request.path.as_deref().unwrap_or("/"), None).await?;
    desktop.show(Show::Browser { url: session.url });
    Ok(axum::Json(Done {}))
}

/// Opens the main window, or raises it.
#[utoipa::path(post, path = "/desktop/main", tag = "desktop", operation_id = "showMain",
    request_body(content = Option<ShowMain>, description = "May be left out"),
    responses((status = 200, description = "It is being shown", body = Done), Problem))]
pub(super) async fn main(
    State(core): State<Arc<Core>>,
    MaybeJson(request): MaybeJson<ShowMain>,
) -> Result<axum::Json<Done>> {
    if request.path.as_deref().is_some_and(|path| !path.starts_with('/') || path.starts_with("//")) {
        return Err(Problem::invalid("bad-path", "Not a page of Granary", "A path begins with one slash."));
    }
    desktop(&core)?.show(Show::Main { path: request.path });
    Ok(axum::Json(Done {}))
}

/// Hands over what another start of the desktop program was given. Only over the Unix socket.
#[utoipa::path(post, path = "/desktop/given", tag = "desktop", operation_id = "handOver",
    request_body = Given,
    responses((status = 200, description = "Taken over", body = Done), Problem))]
pub(super) async fn given(
    State(core): State<Arc<Core>>,
    via: Via,
    Json(request): Json<Given>,
) -> Result<axum::Json<Done>> {
    via.refuse_pages("Only another start of Granary hands things over.", "Start Granary with the file or link.")?;
    desktop(&core)?.show(Show::Given(request.arguments));
    Ok(axum::Json(Done {}))
}
