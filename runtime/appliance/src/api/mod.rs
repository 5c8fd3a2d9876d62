//! The one local API that every front end uses: HTTP/JSON, described by OpenAPI.
//!
//! The same routes are served on the shell origin, behind the gateway's owner guard, and on a Unix socket.

mod apps;
mod desktop;
pub(crate) mod extract;
mod grains;
mod installs;
mod notifications;
mod packages;
pub mod problem;
mod reach;
mod show;
mod system;
pub mod types;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use hyper::StatusCode;
use serde::Serialize;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::router::UtoipaMethodRouterExt as _;
use utoipa_axum::routes;

use crate::core::Core;
use problem::Problem;

/// The path all calls start with.
pub const PREFIX: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Granary's local API",
        description = "What the UI and the command line use. Pages call it on the shell origin with the login's cookie and \
            its secret in `X-Granary-Secret`; programs of the owner's call it over the Unix socket without either.\n\n\
            Times are milliseconds since 1970. Every refusal has the shape of `Problem`.",
    ),
    servers((url = "/api/v1")),
    tags(
        (name = "appliance", description = "The appliance itself"),
        (name = "login", description = "How a browser becomes the owner's"),
        (name = "apps", description = "Installed apps and their packages"),
        (name = "installs", description = "Packages that are looked at before they are installed"),
        (name = "grains", description = "Documents"),
        (name = "notifications", description = "What happened while nobody looked"),
        (name = "desktop", description = "Windows: what stands where, and what to show"),
    ),
    paths(system::login, system::login_restore, system::logout),
    components(schemas(problem::Problem)),
)]
struct Document;

fn routes() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(system::status))
        .routes(routes!(system::login_code))
        .routes(routes!(system::events))
        .routes(routes!(system::doctor))
        .routes(routes!(system::settings, system::change_settings))
        .routes(routes!(system::openapi))
        .routes(routes!(apps::list))
        .routes(routes!(apps::details, apps::uninstall))
        .routes(routes!(apps::upgrade_grains))
        .routes(routes!(apps::icon))
        .routes(routes!(packages::upload))
        .routes(routes!(packages::from_url))
        .routes(routes!(installs::list, installs::create))
        .routes(routes!(installs::get, installs::patch, installs::cancel))
        .routes(routes!(installs::file))
        .routes(routes!(installs::confirm))
        .routes(routes!(installs::icon))
        .routes(routes!(grains::list, grains::create))
        // Ten thousand ids take more room than any other call.
        .routes(routes!(grains::bulk).layer(DefaultBodyLimit::max(2 << 20)))
        .routes(routes!(grains::empty_trash))
        .routes(routes!(grains::get, grains::patch, grains::delete))
        .routes(routes!(grains::trash))
        .routes(routes!(grains::restore))
        .routes(routes!(grains::session))
        .routes(routes!(grains::stop))
        .routes(routes!(grains::restart))
        .routes(routes!(grains::log))
        .routes(routes!(show::grain))
        .routes(routes!(show::browser))
        .routes(routes!(show::main))
        .routes(routes!(show::given))
        .routes(routes!(notifications::list, notifications::dismiss_all))
        .routes(routes!(notifications::read))
        .routes(routes!(notifications::dismiss))
        .routes(routes!(desktop::windows))
        .routes(routes!(desktop::put_window, desktop::forget_window))
        .routes(routes!(desktop::storage))
        .routes(routes!(desktop::certificates))
        .routes(routes!(desktop::install_certificates))
        .routes(routes!(desktop::remove_certificates))
        .routes(routes!(desktop::about))
        .routes(routes!(desktop::notice))
}

/// The OpenAPI document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = routes().into_openapi();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "secret",
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
            "X-Granary-Secret",
            "From `POST /login`, besides the cookie set there. Not needed over the Unix socket.",
        ))),
    );
    document.security = Some(vec![SecurityRequirement::new::<_, _, &str>("secret", [])]);
    if let Some(login) = document.paths.paths.get_mut("/login").and_then(|item| item.post.as_mut()) {
        login.security = Some(vec![]);
    }
    document
}

/// All routes below [`PREFIX`].
pub(crate) fn router(core: Arc<Core>) -> Router {
    let (router, _) = routes().split_for_parts();
    let guard = axum::middleware::from_fn_with_state(Arc::clone(&core), reach::guard);
    Router::new()
        .nest(PREFIX, router.fallback(no_route).method_not_allowed_fallback(no_method))
        // Packages have a limit of their own; the JSON bodies are small.
        .layer(DefaultBodyLimit::max(256 * 1024))
        .layer(guard)
        .with_state(core)
}

async fn no_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-call", "No such call", "There is no such call in this API.")
        .remedy("`granary openapi` describes it.")
}

async fn no_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "No such call",
        "This path of the API does not take that method.",
    )
    .remedy("`granary openapi` describes it.")
}

/// A response of one JSON value a line, each sent as soon as it is there.
fn ndjson<T: Serialize + 'static>(values: impl Stream<Item = T> + Send + 'static) -> Response {
    let lines = values.map(|value| {
        let mut line = serde_json::to_vec(&value).map_err(std::io::Error::other)?;
        line.push(b'\n');
        Ok::<_, std::io::Error>(Bytes::from(line))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")], Body::from_stream(lines))
        .into_response()
}
