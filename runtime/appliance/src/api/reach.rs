//! What a window's login may call: of a grain's window only what the page of that grain needs, of the main window no
//! grain's page. A list of what is allowed: what is not on it is refused.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use granary_gateway::Reach;
use hyper::{Method, StatusCode};

use super::PREFIX;
use super::problem::Problem;
use super::types::Event;
use crate::core::Core;

/// What the page of a grain calls. `{grain}` is its own grain, `{app}` that grain's app.
const GRAIN_WINDOW: &[(Method, &str)] = &[
    (Method::GET, "/status"),
    (Method::GET, "/settings"),
    (Method::GET, "/events"),
    (Method::GET, "/apps/{app}/icon"),
    (Method::GET, "/grains/{grain}"),
    (Method::PATCH, "/grains/{grain}"),
    (Method::GET, "/grains/{grain}/log"),
    (Method::POST, "/grains/{grain}/session"),
    (Method::POST, "/grains/{grain}/stop"),
    (Method::POST, "/grains/{grain}/restart"),
    (Method::POST, "/grains/{grain}/trash"),
    (Method::POST, "/grains/{grain}/restore"),
    (Method::POST, "/grains/{grain}/browser"),
];

/// Lets a call through, or refuses it.
pub(super) async fn guard(State(core): State<Arc<Core>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().strip_prefix(PREFIX).unwrap_or(request.uri().path());
    let allowed = match request.extensions().get::<Reach>() {
        // The owner's programs come over the Unix socket, where nobody says how far they reach.
        None | Some(Reach::Everything) => true,
        Some(Reach::Shell) => !(request.method() == Method::POST && between("/grains/", "/session", path).is_some()),
        Some(Reach::Grain(grain)) => of_grain(&core, request.method(), path, grain).await,
    };
    if allowed { next.run(request).await } else { refused().into_response() }
}

async fn of_grain(core: &Core, method: &Method, path: &str, grain: &str) -> bool {
    match asked(method, path) {
        None => false,
        Some(Named::Nothing) => true,
        Some(Named::Grain(named)) => named == grain,
        Some(Named::App(named)) => core.grain(grain).await.is_ok_and(|grain| grain.app_id == named),
    }
}

/// What a call is about.
#[derive(Debug, PartialEq, Eq)]
enum Named<'a> {
    Nothing,
    Grain(&'a str),
    App(&'a str),
}

/// What a call that stands on the list names; none when it does not stand there.
fn asked<'a>(method: &Method, path: &'a str) -> Option<Named<'a>> {
    GRAIN_WINDOW.iter().filter(|(allowed, _)| allowed == method).find_map(|(_, pattern)| {
        if let Some((before, after)) = pattern.split_once("{grain}") {
            between(before, after, path).map(Named::Grain)
        } else if let Some((before, after)) = pattern.split_once("{app}") {
            between(before, after, path).map(Named::App)
        } else {
            (*pattern == path).then_some(Named::Nothing)
        }
    })
}

/// The one part of a path between its beginning and its end.
fn between<'a>(before: &str, after: &str, path: &'a str) -> Option<&'a str> {
    let named = path.strip_prefix(before)?.strip_suffix(after)?;
    (!named.is_empty() && !named.contains('/')).then_some(named)
}

/// What of an event is for a window.
pub(super) fn narrowed(reach: Option<&Reach>, event: Event) -> Option<Event> {
    let Some(Reach::Grain(own)) = reach else { return Some(event) };
    match event {
        Event::Grains { grains } => {
            grains.into_iter().find(|grain| grain.grain_id == *own).map(|grain| Event::Grain { grain })
        }
        Event::GrainsRemoved { grain_ids } => {
            grain_ids.into_iter().find(|id| id == own).map(|grain_id| Event::GrainRemoved { grain_id })
        }
        event => concerns(own, &event).then_some(event),
    }
}

fn concerns(own: &String, event: &Event) -> bool {
    match event {
        Event::Hello | Event::Resync | Event::Ping | Event::Settings { .. } => true,
        Event::Grain { grain } => grain.grain_id == *own,
        Event::GrainRemoved { grain_id } | Event::SessionLost { grain_id, .. } => grain_id == own,
        Event::Notice { grain_id, .. } => grain_id.as_ref() == Some(own),
        _ => false,
    }
}

fn refused() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "not-in-this-window",
        "Not in this window",
        "This window shows something else, and may not ask for this.",
    )
    .remedy("Use Granary's main window.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_grain_asks_for_what_is_on_the_list_and_nothing_else() {
        for (method, path, expected) in [
            (Method::GET, "/status", Some(Named::Nothing)),
            (Method::GET, "/grains/abc", Some(Named::Grain("abc"))),
            (Method::GET, "/grains/abc/log", Some(Named::Grain("abc"))),
            (Method::POST, "/grains/abc/session", Some(Named::Grain("abc"))),
            (Method::GET, "/apps/xyz/icon", Some(Named::App("xyz"))),
            (Method::GET, "/grains", None),
            (Method::GET, "/grains/", None),
            (Method::GET, "/grains//log", None),
            (Method::GET, "/grains/log/", None),
            (Method::POST, "/grains/a/b/session", None),
            (Method::DELETE, "/grains/abc", None),
            (Method::POST, "/grains/bulk", None),
            (Method::POST, "/grains", None),
            (Method::GET, "/status/", None),
            (Method::PATCH, "/settings", None),
            (Method::POST, "/installs", None),
            (Method::DELETE, "/apps/xyz", None),
            (Method::POST, "/certificates/install", None),
            (Method::GET, "/windows", None),
        ] {
            assert_eq!(asked(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn every_call_on_the_list_is_one_of_the_api() {
        let description = serde_json::to_value(crate::api::document()).expect("JSON");
        for (method, pattern) in GRAIN_WINDOW {
            let path = pattern.replace("{grain}", "{grainId}").replace("{app}", "{appId}");
            let method = method.as_str().to_ascii_lowercase();
            assert!(description["paths"][&path][&method].is_object(), "{method} {path}");
        }
    }
}
