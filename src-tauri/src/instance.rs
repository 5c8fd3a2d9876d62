//! One Granary per data folder: a second start hands what it was given to the one that runs.

use std::path::Path;

use granary_appliance::api::PREFIX;
use granary_appliance::api::types::{Given, LoginUrl};
use granary_appliance::socket;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What became of it.
pub(crate) enum Handed {
    /// The running one has it, and shows it.
    Over,
    /// The running one has no windows; this opens it in the browser.
    Headless(String),
    /// None runs.
    Nobody,
}

/// Gives `arguments` to the Granary that runs on `data`.
pub(crate) fn hand_over(data: &Path, arguments: &[String]) -> Handed {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Handed::Nobody };
    runtime.block_on(async {
        let given = Given { arguments: arguments.to_vec() };
        match post::<serde_json::Value>(data, "/desktop/given", &given).await {
            Some((200, _)) => Handed::Over,
            Some(_) => match post::<LoginUrl>(data, "/login-code", &serde_json::json!({})).await {
                Some((200, Some(login))) => Handed::Headless(login.url),
                _ => Handed::Nobody,
            },
            None => Handed::Nobody,
        }
    })
}

/// One small call over the Unix socket: status and answer.
async fn post<T: DeserializeOwned>(data: &Path, path: &str, body: &impl Serialize) -> Option<(u16, Option<T>)> {
    let mut stream = socket::connect(data).await.ok()?;
    let body = serde_json::to_string(body).ok()?;
    let request = format!(
        "POST {PREFIX}{path} HTTP/1.1\r\nhost: granary.localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((status, serde_json::from_str(body).ok()))
}
