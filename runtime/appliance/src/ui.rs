//! The web UI's files: embedded in the program, and the same page for every route of the shell.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use hyper::{Method, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

/// Debug builds read the folder when asked, so that the UI can be worked on without building the program again.
#[derive(RustEmbed)]
#[folder = "../../app-ui/dist"]
struct Files;

/// Pages of the shell; the script in the one HTML file shows the right one.
const PAGES: [&str; 16] = [
    "/",
    "/login",
    "/welcome",
    "/apps",
    "/apps/{app}",
    "/install",
    "/install/{install}",
    "/grains",
    "/grain/{grain}",
    // What follows a grain's id is the path inside the grain.
    "/grain/{grain}/{*inside}",
    "/log/{grain}",
    "/trash",
    "/notifications",
    "/settings",
    "/settings/{*page}",
    "/dialog/{*which}",
];

const INDEX: &str = "index.html";

/// What a program built without the UI shows.
const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Granary</title>\
    <h1>The user interface was not built</h1>\
    <p>This Granary was built without its pages. Run <code>make build</code>, or <code>npm ci &amp;&amp; npm run build</code> \
    in <code>app-ui</code> and build again. The command line works: <code>granary --help</code>.</html>";

/// Routes of the shell's pages and files. None of them holds data.
pub(crate) fn router() -> Router {
    let mut router = Router::new();
    for page in PAGES {
        router = router.route(page, axum::routing::get(index));
    }
    router.fallback(file)
}

async fn index(request: Request) -> Response {
    match Files::get(INDEX) {
        Some(index) => serve(&request, INDEX, index, StatusCode::OK),
        None => {
            let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, NOT_BUILT).into_response()
        }
    }
}

async fn file(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path().trim_start_matches('/').to_owned();
    // Names with `..` are not in the list of an embedded folder; in a debug build rust-embed refuses to leave it.
    if let Some(found) = Files::get(&path).filter(|_| path != INDEX) {
        return serve(&request, &path, found, StatusCode::OK);
    }
    match Files::get(INDEX) {
        // The script says that there is no such page, with a way back.
        Some(index) if wants_page(&request) => serve(&request, INDEX, index, StatusCode::NOT_FOUND),
        _ => (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/plain; charset=utf-8")], "There is nothing here.\n")
            .into_response(),
    }
}

fn wants_page(request: &Request) -> bool {
    let accept = request.headers().get(hyper::header::ACCEPT);
    accept.and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"))
}

fn serve(request: &Request, path: &str, file: EmbeddedFile, status: StatusCode) -> Response {
    let etag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    // Vite puts a hash of the content into the names below assets/.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let fresh = status == StatusCode::OK && known.is_some_and(|tags| matches_etag(tags, &etag));
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = if request.method() == Method::HEAD { Body::empty() } else { Body::from(file.data) };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response
    };
    let headers = response.headers_mut();
    if !fresh {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(ETAG, etag);
    }
    response
}

fn matches_etag(tags: &str, etag: &str) -> bool {
    tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags() {
        for (tags, expected) in [("\"a\"", true), ("\"b\", W/\"a\"", true), ("*", true), ("\"b\"", false), ("a", false)]
        {
            assert_eq!(matches_etag(tags, "\"a\""), expected, "{tags}");
        }
    }
}
