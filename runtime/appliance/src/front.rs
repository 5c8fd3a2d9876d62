//! The front end that lives in this very process: the desktop. It uses the same API as the others, without a socket.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::{Extension, Router};
use futures::StreamExt as _;
use granary_gateway::{Gateway, Reach, Window};
use http_body_util::BodyExt as _;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tower::ServiceExt as _;

use crate::api::extract::Via;
use crate::api::problem::{Problem, Result};
use crate::api::types::Event;
use crate::api::{self, PREFIX};
use crate::core::Core;

/// What the appliance asks of the desktop that embeds it. Called on any thread; must not wait.
pub trait Desktop: Send + Sync + std::fmt::Debug {
    /// Shows something to the person.
    fn show(&self, what: Show);
}

/// What the desktop is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Show {
    /// The main window, at a page of the shell if one is named.
    Main {
        /// For example `/settings`.
        path: Option<String>,
    },
    /// The window of a grain.
    Grain {
        /// Which.
        grain_id: String,
        /// Where in it to begin.
        path: String,
    },
    /// What another start of the program was given: links and files.
    Given(Vec<String>),
    /// An address of Granary's own, in the person's browser. It opens once.
    Browser {
        /// Holds a secret.
        url: String,
    },
}

/// Answers longer than this are no answers of ours.
const LONGEST: usize = 256 << 20;

/// The API, called in the process. Cheap to clone; works on any thread, within any executor.
#[derive(Clone)]
pub struct FrontEnd {
    router: Router,
    gateway: Arc<Gateway>,
    runtime: Handle,
}

impl std::fmt::Debug for FrontEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrontEnd").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

impl FrontEnd {
    pub(crate) fn new(core: Arc<Core>, gateway: Arc<Gateway>, runtime: Handle) -> Self {
        Self { router: api::router(core).layer(Extension(Via::Socket)), gateway, runtime }
    }

    /// Makes a call that answers with JSON.
    ///
    /// # Errors
    /// The API's refusal.
    pub async fn call<T>(&self, method: Method, path: &str, body: Option<&(impl Serialize + Sync)>) -> Result<T>
    where
        T: DeserializeOwned,
    {
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| Problem::internal(error.to_string()))?;
        let (_, bytes) = self.send(method, path.to_owned(), body).await?;
        let bytes: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(bytes).map_err(|error| Problem::internal(error.to_string()))
    }

    /// `GET`.
    ///
    /// # Errors
    /// The API's refusal.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.call(Method::GET, path, None::<&()>).await
    }

    /// `GET` of a file, such as an icon: its type and its bytes.
    ///
    /// # Errors
    /// The API's refusal.
    pub async fn file(&self, path: &str) -> Result<(String, Bytes)> {
        self.send(Method::GET, path.to_owned(), None).await
    }

    /// What happens from now on, beginning with `hello`, until the receiver is dropped.
    #[must_use]
    pub fn events(&self) -> tokio::sync::mpsc::Receiver<Event> {
        let (sender, receiver) = tokio::sync::mpsc::channel(64);
        let router = self.router.clone();
        self.runtime.spawn(async move {
            let request = Request::get(format!("{PREFIX}/events")).body(Body::empty()).expect("a plain request");
            let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
            let mut pieces = response.into_body().into_data_stream();
            // Each event is one piece of the body, whole.
            while let Some(Ok(piece)) = pieces.next().await {
                match serde_json::from_slice(&piece) {
                    Ok(event) => {
                        if sender.send(event).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => tracing::warn!(%error, "an event was not understood"),
                }
            }
        });
        receiver
    }

    /// A place for a new window.
    ///
    /// # Panics
    /// When the appliance was started without a desktop.
    #[must_use]
    pub fn window(&self, reach: Reach) -> Window {
        self.gateway.window(reach).expect("an appliance with a desktop has windows")
    }

    /// The shell origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.gateway.origin()
    }

    /// Runs something on the appliance's threads.
    pub fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.runtime.spawn(work)
    }

    async fn send(&self, method: Method, path: String, body: Option<Vec<u8>>) -> Result<(String, Bytes)> {
        let router = self.router.clone();
        let work = async move {
            let mut request = Request::builder().method(method).uri(format!("{PREFIX}{path}"));
            if body.is_some() {
                request = request.header(CONTENT_TYPE, "application/json");
            }
            let body = body.map_or_else(Body::empty, Body::from);
            let request = request.body(body).map_err(|error| Problem::internal(error.to_string()))?;
            let response: Response<Body> = router.oneshot(request).await.unwrap_or_else(|never| match never {});
            let status = response.status();
            let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let kind = kind.to_owned();
            let body = http_body_util::Limited::new(response.into_body(), LONGEST);
            let bytes = body.collect().await.map_err(|error| Problem::internal(error.to_string()))?.to_bytes();
            if status.is_success() { Ok((kind, bytes)) } else { Err(refusal(status, &bytes)) }
        };
        self.runtime.spawn(work).await.map_err(|error| Problem::internal(error.to_string()))?
    }
}

fn refusal(status: StatusCode, bytes: &[u8]) -> Problem {
    let mut problem: Problem = serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Problem::new(status, "refused", "Refused", format!("The answer was {status}.")));
    problem.status = status;
    problem
}
