//! The gateway's own answers in an app's place: short pages that say what happened and what to do.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::body::Body;
use super::target::OpenError;

/// Tells a program which of the gateway's own answers it got; no app can set this header.
pub const ERROR_HEADER: HeaderName = HeaderName::from_static("x-granary-error");

/// Tells the shell that frames this page what it says; the shell then says it in the person's language. Only the shell may
/// frame a session, so nobody else hears it.
const TELL_SCRIPT: &str = "if(window.top!==window){window.top.postMessage({granary:'failed',\
    code:document.documentElement.dataset.code,title:document.title,\
    text:document.querySelector('p').textContent},'*')}";

/// One such answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    status: StatusCode,
    code: String,
    title: String,
    text: String,
}

impl Page {
    pub(super) fn new(status: StatusCode, code: &str, title: &str, text: &str) -> Self {
        Self { status, code: code.to_owned(), title: title.to_owned(), text: text.to_owned() }
    }

    pub(super) fn bad_request(code: &str, text: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "The request was not understood", text)
    }

    pub(super) fn open_failed(error: &OpenError) -> Self {
        Self::new(error.status, &error.code, "The grain could not be opened", &error.message)
    }

    pub(super) fn open_timeout(seconds: u64) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "open-timeout",
            "The grain takes too long to start",
            &format!("The app did not answer within {seconds} seconds. Reload the page; the grain's log may say more."),
        )
    }

    pub(super) fn disconnected() -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            "grain-stopped",
            "The grain stopped while it was answering",
            "What you sent may or may not have been saved. Go back, check, and try again: the grain starts by itself.",
        )
    }

    pub(super) fn app_failed() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "app-failed",
            "The app failed",
            "The app could not answer this request. Reload the page; the grain's log may say more.",
        )
    }

    pub(super) fn bad_response() -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            "bad-response",
            "The app gave an answer that makes no sense",
            "Reload the page. If it stays so, the app has a defect; the grain's log may say more.",
        )
    }

    pub(super) fn truncated() -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            "no-response",
            "The app broke off its answer",
            "The app stopped before it had sent anything. Reload the page; the grain's log may say more.",
        )
    }

    pub(super) fn overloaded() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "The app is busy",
            "Too much is going on at the moment. Wait a few seconds and reload the page.",
        )
    }

    pub(super) fn not_implemented() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "not-implemented",
            "The app does not offer this",
            "This app, or the version of it in this grain, does not know this kind of request.",
        )
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "Too much at once",
            &format!("This kind of request may carry at most {} MiB.", limit / (1024 * 1024)),
        )
    }

    pub(super) fn body_timeout() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-timeout",
            "The upload stood still",
            "Nothing arrived for too long, so the upload was given up. Try again.",
        )
    }

    pub(super) fn body_broken() -> Self {
        Self::bad_request("body-broken", "The upload ended before its end. Try again.")
    }

    pub(super) fn shutting_down() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "shutting-down",
            "Granary is shutting down",
            "Start Granary again, then reload the page.",
        )
    }

    pub(super) fn session_closed() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "session-closed",
            "This session has ended",
            "Open the grain again from Granary.",
        )
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let html = format!(
            "<!doctype html><html lang=\"en\" data-code=\"{code}\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{title}</title><style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 \
             system-ui,sans-serif;max-width:34rem;margin:15vh auto 0;padding:0 1rem}}h1{{font-size:1.4rem}}</style>\
             <h1>{title}</h1><p>{text}</p><script>{TELL_SCRIPT}</script></html>\n",
            code = escape(&self.code),
            title = escape(&self.title),
            text = escape(&self.text),
        );
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if let Ok(code) = HeaderValue::try_from(self.code) {
            headers.insert(ERROR_HEADER, code);
        }
        response
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
