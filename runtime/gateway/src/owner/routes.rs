//! The shell origin's API: log in, restore a lost cookie, log out, and everything else behind the guard.

use axum::Router;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde::{Deserialize, Serialize};
use tower::ServiceExt as _;

use crate::body::Body;
use crate::cookies;
use crate::names::Names;
use crate::reply::{self, Refusal};

use super::guard;
use super::logins::{LOGIN_LIFE, Logins, Proven};
use super::reach::{Reach, WindowId};

const LOGIN_BODY: usize = 4096;

/// What the shell origin's API needs.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) names: Names,
    pub(crate) logins: Logins,
    pub(crate) router: Router,
}

#[derive(Deserialize)]
struct LoginRequest {
    code: String,
}

#[derive(Serialize)]
struct LoginAnswer<'a> {
    secret: &'a str,
    path: &'a str,
    /// Which of the desktop's windows this is; nothing in a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<&'static str>,
}

/// Answers a request below `/api` that came from a browser, or over the connections of a window.
pub(crate) async fn handle(
    owner: &Owner,
    request: Request<axum::body::Body>,
    window: Option<WindowId>,
) -> Response<Body> {
    answer(owner, request, window).await.unwrap_or_else(|refusal| refusal.to_response())
}

async fn answer(
    owner: &Owner,
    request: Request<axum::body::Body>,
    window: Option<WindowId>,
) -> Result<Response<Body>, Refusal> {
    let names = &owner.names;
    if guard::is_write(request.method()) {
        guard::refuse_foreign_write(request.headers(), names)?;
    } else {
        guard::refuse_foreign_read(request.headers(), names)?;
    }
    match (request.uri().path(), request.method()) {
        ("/api/v1/login", &Method::POST) => return log_in(owner, request, window).await,
        ("/api/v1/login/restore", &Method::POST) => return restore(owner, &request, window),
        ("/api/v1/login" | "/api/v1/login/restore", _) => return Err(post_only()),
        _ => {}
    }
    let proven = guard::prove(request.headers(), names, &owner.logins, window)?;
    match (request.uri().path(), request.method()) {
        ("/api/v1/logout", &Method::POST) => {
            owner.logins.revoke(&proven.id);
            let mut response = reply::json(StatusCode::OK, &serde_json::json!({}));
            response.headers_mut().append(SET_COOKIE, cookies::forget(names.owner_cookie()));
            return Ok(response);
        }
        ("/api/v1/logout", _) => return Err(post_only()),
        _ => {}
    }
    let renewed = proven.renew.then(|| presented_cookie(&request, names)).flatten();
    let mut response = pass(owner, request, proven).await;
    if let Some(renewed) = renewed {
        response.headers_mut().append(SET_COOKIE, renewed);
    }
    Ok(response)
}

async fn pass(owner: &Owner, mut request: Request<axum::body::Body>, proven: Proven) -> Response<Body> {
    cookies::strip_own(request.headers_mut());
    request.headers_mut().remove(guard::SECRET_HEADER);
    request.extensions_mut().insert(proven.id);
    request.extensions_mut().insert(proven.reach);
    let response = match owner.router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let mut response = response.map(Body::new);
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn log_in(
    owner: &Owner,
    request: Request<axum::body::Body>,
    window: Option<WindowId>,
) -> Result<Response<Body>, Refusal> {
    let body = json_body(request).await?;
    let asked: LoginRequest =
        serde_json::from_slice(&body).map_err(|_| bad_request("The login needs {\"code\": …}."))?;
    let made = owner.logins.redeem(&asked.code, window).ok_or_else(|| Refusal {
        status: StatusCode::UNAUTHORIZED,
        code: "login-code-invalid",
        title: "This login link no longer works".into(),
        message: "A login link works once, and for one minute.".into(),
        remedy: "Open Granary from its icon again, or run `granary open` for a new link.".into(),
    })?;
    let window = match made.reach {
        Reach::Everything => None,
        Reach::Shell => Some("main"),
        Reach::Grain(_) => Some("grain"),
    };
    let answer = LoginAnswer { secret: made.secret.expose(), path: &made.path, window };
    let mut response = reply::json(StatusCode::OK, &answer);
    let cookie = cookies::set(owner.names.owner_cookie(), made.cookie.expose(), LOGIN_LIFE);
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

fn restore(
    owner: &Owner,
    request: &Request<axum::body::Body>,
    window: Option<WindowId>,
) -> Result<Response<Body>, Refusal> {
    let cookie = guard::presented_secret(request.headers())
        .and_then(|secret| owner.logins.restore(secret, window))
        .ok_or_else(|| guard::login_needed("login-needed", "This browser's login has ended."))?;
    let mut response = reply::json(StatusCode::OK, &serde_json::json!({}));
    let cookie = cookies::set(owner.names.owner_cookie(), cookie.expose(), LOGIN_LIFE);
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

fn presented_cookie(request: &Request<axum::body::Body>, names: &Names) -> Option<HeaderValue> {
    match cookies::find(request.headers(), names.owner_cookie()) {
        cookies::Found::One(value) => Some(cookies::set(names.owner_cookie(), value, LOGIN_LIFE)),
        _ => None,
    }
}

async fn json_body(request: Request<axum::body::Body>) -> Result<Bytes, Refusal> {
    let is_json = request.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes().split(|b| *b == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    if !is_json {
        return Err(bad_request("The login is sent as application/json."));
    }
    let limited = Limited::new(request.into_body(), LOGIN_BODY);
    let collected = limited.collect().await.map_err(|_| bad_request("The login is longer than it can be."))?;
    Ok(collected.to_bytes())
}

fn bad_request(message: &str) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        code: "bad-request",
        title: "Not understood".into(),
        message: message.into(),
        remedy: "Reload the page.".into(),
    }
}

fn post_only() -> Refusal {
    Refusal {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "method-not-allowed",
        title: "Not understood".into(),
        message: "This address takes POST only.".into(),
        remedy: "Reload the page.".into(),
    }
}
