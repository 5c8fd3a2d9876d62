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
        Some(Reach::Shell) => !(request.method() == Method::POST && fits("/grains/{}/session", path).is_some()),
        Some(Reach::Grain(grain)) => of_grain(&core, request.method(), path, grain).await,
    };
    if allowed { next.run(request).await } else { refused().into_response() }
}

async fn of_grain(core: &Core, method: &Method, path: &str, grain: &str) -> bool {
    for (allowed, pattern) in GRAIN_WINDOW {
        if allowed != method {
            continue;
        }
        let is_app = pattern.contains("{app}");
        let Some(named) = fits(&pattern.replace("{grain}", "{}").replace("{app}", "{}"), path) else { continue };
        return match named {
            "" => true,
            app if is_app => core.grain(grain).await.is_ok_and(|grain| grain.app_id == app),
            named => named == grain,
        };
    }
    false
}

/// What stands in the place of `{}`; empty when the pattern has none.
fn fits<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once("{}") else { return (pattern == path).then_some("") };
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
    fn a_pattern_takes_one_part_exactly() {
        for (pattern, path, expected) in [
            ("/grains/{}", "/grains/abc", Some("abc")),
            ("/grains/{}", "/grains/", None),
            ("/grains/{}", "/grains/abc/log", None),
            ("/grains/{}/log", "/grains/abc/log", Some("abc")),
            ("/grains/{}/log", "/grains//log", None),
            ("/grains/{}/log", "/grains/log", None),
            ("/grains/{}/session", "/grains/a/b/session", None),
            ("/status", "/status", Some("")),
            ("/status", "/status/", None),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }
}
