//! How handlers read a request: JSON and query with our own refusals, and where the call came from.

use std::convert::Infallible;

use axum::extract::{FromRequest, FromRequestParts};
use hyper::StatusCode;
use hyper::http::request::Parts;

use super::problem::Problem;

/// A JSON body.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct Json<T>(pub(crate) T);

/// The query string.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub(crate) T);

/// A JSON body that may be missing.
#[derive(Debug)]
pub(crate) struct MaybeJson<T>(pub(crate) T);

impl<S, T> FromRequest<S> for MaybeJson<T>
where
    S: Send + Sync,
    T: Default + serde::de::DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Problem> {
        let has_type = request.headers().contains_key(hyper::header::CONTENT_TYPE);
        if !has_type && http_body::Body::is_end_stream(request.body()) {
            return Ok(Self(T::default()));
        }
        Json::from_request(request, state).await.map(|Json(value)| Self(value))
    }
}

/// How long a body says it is.
pub(crate) fn content_length(headers: &hyper::HeaderMap) -> Option<u64> {
    headers.get(hyper::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Where a call came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// A page in a browser, through the gateway's guard.
    Browser,
    /// A program of the owner's, over the Unix socket.
    Socket,
}

impl Via {
    /// Refuses pages. The two sentences say who may do it, and what a person in front of a page does instead.
    pub(crate) fn refuse_pages(self, who: &str, remedy: &str) -> Result<(), Problem> {
        match self {
            Self::Socket => Ok(()),
            Self::Browser => {
                Err(Problem::new(StatusCode::FORBIDDEN, "socket-only", "Not from a page", who).remedy(remedy))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Via {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Without a mark it is the less trusted one.
        Ok(parts.extensions.get().copied().unwrap_or(Self::Browser))
    }
}
