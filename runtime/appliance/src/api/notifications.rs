//! Calls on the list of what happened.

use std::sync::Arc;

use axum::extract::{Path, State};
use hyper::StatusCode;

use super::extract::Json;
use super::problem::{Problem, Result};
use super::types::{Notifications, ReadNotifications, Unread};
use crate::core::Core;

/// What happened while nobody looked, the latest first; the list is bounded.
#[utoipa::path(get, path = "/notifications", tag = "notifications", operation_id = "listNotifications",
    responses((status = 200, description = "What happened", body = Notifications), Problem))]
pub(super) async fn list(State(core): State<Arc<Core>>) -> Result<axum::Json<Notifications>> {
    core.notifications().await.map(axum::Json)
}

/// Dismisses all.
#[utoipa::path(delete, path = "/notifications", tag = "notifications", operation_id = "dismissNotifications",
    responses((status = 204, description = "The list is empty"), Problem))]
pub(super) async fn dismiss_all(State(core): State<Arc<Core>>) -> Result<StatusCode> {
    core.dismiss_notifications().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Marks some as read, or all that were shown.
#[utoipa::path(post, path = "/notifications/read", tag = "notifications", operation_id = "readNotifications",
    request_body = ReadNotifications,
    responses((status = 200, description = "How many are left", body = Unread), Problem))]
pub(super) async fn read(
    State(core): State<Arc<Core>>,
    Json(request): Json<ReadNotifications>,
) -> Result<axum::Json<Unread>> {
    core.read_notifications(request).await.map(axum::Json)
}

/// Dismisses one.
#[utoipa::path(delete, path = "/notifications/{notificationId}", tag = "notifications", operation_id = "dismissNotification",
    params(("notificationId" = i64, Path, description = "The notification")),
    responses((status = 204, description = "It is off the list"), Problem))]
pub(super) async fn dismiss(State(core): State<Arc<Core>>, Path(id): Path<String>) -> Result<StatusCode> {
    core.dismiss_notification(id.parse().unwrap_or(-1)).await?;
    Ok(StatusCode::NO_CONTENT)
}
