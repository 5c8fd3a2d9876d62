//! The command line's side of the local API: HTTP over the appliance's Unix socket.

use std::path::{Path, PathBuf};

use granary_appliance::api::PREFIX;
use granary_appliance::api::problem::Problem;
use granary_appliance::socket;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::output::{Failure, Outcome};

/// A request's body.
pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// Speaks to the appliance of one data folder.
#[derive(Debug)]
pub(crate) struct Client {
    data: PathBuf,
}

/// Longer answers than these are lists of tens of thousands of grains.
const ANSWER_LIMIT: usize = 256 << 20;

impl Client {
    pub(crate) fn new(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// Makes a call that answers with JSON.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Outcome<T> {
        let bytes = self.call_raw(method, path, body).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::failed(
                "answer-not-understood",
                format!("The running Granary answered something this program does not understand ({error})."),
                "It is another version: restart `granary serve`.",
            )
        })
    }

    /// `GET`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Outcome<T> {
        self.call(Method::GET, path, None::<&()>).await
    }

    /// `POST` without a body.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str) -> Outcome<T> {
        self.call(Method::POST, path, None::<&()>).await
    }

    /// `DELETE`.
    pub(crate) async fn delete(&self, path: &str) -> Outcome {
        self.call_raw(Method::DELETE, path, None::<&()>).await.map(drop)
    }

    async fn call_raw(&self, method: Method, path: &str, body: Option<&(impl Serialize + Sync)>) -> Outcome<Bytes> {
        let mut request = Request::builder().method(method);
        let body = match body {
            None => Empty::new().map_err(|never| match never {}).boxed(),
            Some(value) => {
                request = request.header("content-type", "application/json");
                let text = serde_json::to_vec(value).map_err(std::io::Error::other)?;
                Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed()
            }
        };
        let response = self.send(request, path, body).await?;
        let body = http_body_util::Limited::new(response.into_body(), ANSWER_LIMIT);
        let bytes = body.collect().await.map_err(|error| Failure::failed("connection-lost", lost(&*error), ""))?;
        Ok(bytes.to_bytes())
    }

    /// Sends a request and returns the answer when it is no refusal.
    pub(crate) async fn send(
        &self,
        request: hyper::http::request::Builder,
        path: &str,
        body: Body,
    ) -> Outcome<Response<Incoming>> {
        let stream = socket::connect(&self.data).await.map_err(|error| self.unreachable(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| lost_failure(&e))?;
        let driver = tokio::spawn(connection);
        let request = request
            .uri(format!("{PREFIX}{path}"))
            .header("host", "granary.localhost")
            .body(body)
            .map_err(std::io::Error::other)?;
        let response = sender.send_request(request).await.map_err(|e| lost_failure(&e))?;
        // Ends by itself with the connection.
        drop(driver);
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes = response.into_body().collect().await.map_err(|e| lost_failure(&e))?.to_bytes();
        let mut problem: Problem = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Problem::new(status, "refused", "Refused", format!("Granary answered {status}.")));
        problem.status = status;
        Err(problem.into())
    }

    fn unreachable(&self, error: &socket::ConnectError) -> Failure {
        match error {
            socket::ConnectError::NotRunning => Failure::failed(
                "not-running",
                format!("Granary is not running on {}.", self.data.display()),
                format!("Start it: granary serve{}", self.data_argument()),
            ),
            other => Failure::failed("socket", other.to_string(), ""),
        }
    }

    /// What to add to a command so that it means the same data folder.
    fn data_argument(&self) -> String {
        let default = granary_appliance::default_data_dir();
        if default.is_some_and(|default| default == self.data) {
            String::new()
        } else {
            format!(" --data {}", self.data.display())
        }
    }
}

pub(crate) fn lost_failure(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::failed("connection-lost", lost(error), "See the output of `granary serve`.")
}

fn lost(error: &(dyn std::error::Error + 'static)) -> String {
    format!("The connection to the running Granary broke: {error}.")
}

/// A body of bytes.
pub(crate) fn json_body(value: &impl Serialize) -> Outcome<Body> {
    let text = serde_json::to_vec(value).map_err(std::io::Error::other)?;
    Ok(Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed())
}
