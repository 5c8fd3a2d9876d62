//! The gateway's own answers: refusals as JSON for the API, small pages and plain text for everybody else.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::body::Body;

/// A refusal in the form of the local API's errors.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// Stable and kebab-case.
    pub(crate) code: &'static str,
    pub(crate) title: String,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

#[derive(Serialize)]
struct Wire<'a> {
    code: &'a str,
    title: &'a str,
    message: &'a str,
    remedy: &'a str,
}

impl Refusal {
    pub(crate) fn to_response(&self) -> Response<Body> {
        let wire = Wire { code: self.code, title: &self.title, message: &self.message, remedy: &self.remedy };
        json(self.status, &wire)
    }
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_string(value).expect("plain data");
    answer(status, "application/json", text)
}

/// Plain text, one or two sentences.
pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    answer(status, "text/plain; charset=utf-8", text.into() + "\n")
}

pub(crate) fn html(status: StatusCode, page: String) -> Response<Body> {
    answer(status, "text/html; charset=utf-8", page)
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
