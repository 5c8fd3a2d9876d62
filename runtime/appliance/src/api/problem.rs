//! The one shape in which the API says no.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a call was not done. Front ends branch on `code` and show the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable, kebab-case.
    pub code: String,
    /// A few words.
    pub title: String,
    /// A sentence or two.
    pub message: String,
    /// What to do about it; empty where the message says all.
    pub remedy: String,
    /// Whether what was sent was refused as invalid, so that sending it again is no use.
    #[serde(default)]
    pub invalid: bool,
    /// The HTTP status it is sent with.
    #[serde(skip, default = "internal")]
    pub status: StatusCode,
}

/// The result of an API call.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

fn internal() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

impl Problem {
    /// A problem sent with `status`; those of 400, 413, 415 and 422 count as invalid input.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, title: &str, message: impl Into<String>) -> Self {
        let invalid = [
            StatusCode::BAD_REQUEST,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ]
        .contains(&status);
        Self { code: code.into(), title: title.into(), message: message.into(), remedy: String::new(), invalid, status }
    }

    /// With what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Something that is not the caller's fault.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(internal(), "internal", "Something went wrong inside Granary", message)
            .remedy("Look at the output of `granary serve`, or restart it.")
    }

    /// Input that cannot be accepted.
    #[must_use]
    pub fn invalid(code: &str, title: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, message)
    }

    /// There is no such grain.
    #[must_use]
    pub fn no_grain(id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no-such-grain",
            "No such document",
            format!("There is no grain {}.", shown(id)),
        )
        .remedy("`granary grains` lists what there is.")
    }

    /// There is no such picture.
    #[must_use]
    pub fn no_icon() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-icon", "No icon", "This app brings no such icon.")
    }

    /// There is no such app.
    #[must_use]
    pub fn no_app(id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no-such-app",
            "The app is not installed",
            format!("No app {} is installed.", shown(id)),
        )
        .remedy("`granary apps` lists what is installed.")
    }
}

/// What somebody typed, cut to a length that fits a sentence.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(64).collect();
    format!("{cut:?}")
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, axum::Json(self)).into_response()
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "bad-request", "The call was not understood", rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), "bad-request", "The call was not understood", rejection.body_text())
    }
}

impl From<granary_store::Error> for Problem {
    fn from(error: granary_store::Error) -> Self {
        tracing::error!(%error, "database");
        Self::internal(error.to_string())
    }
}

impl utoipa::IntoResponses for Problem {
    fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        let content = utoipa::openapi::ContentBuilder::new()
            .schema(Some(utoipa::openapi::Ref::from_schema_name("Problem")))
            .build();
        let response = utoipa::openapi::ResponseBuilder::new()
            .description("The call was not done.")
            .content("application/json", content)
            .build();
        [("default".to_owned(), response.into())].into()
    }
}
