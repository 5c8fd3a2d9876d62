//! `granary install`: sends a file, or has a URL downloaded, and follows the report.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use granary_appliance::api::types::{InstallEvent, InstallFromUrl, InstallOutcome, InstallPhase};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Request;
use hyper::body::{Frame, Incoming};
use serde_json::json;
use tokio_util::io::ReaderStream;

use crate::args::Install;
use crate::client::{Body, Client, json_body, lost_failure};
use crate::output::{Failure, Outcome, Output, plain, size};

/// Longer lines of a report are none.
const LINE_LIMIT: usize = 1 << 20;

pub(crate) async fn run(args: &Install, client: &Client, output: Output) -> Outcome {
    if let Some(id) = &args.expect
        && let Err(error) = id.parse::<granary_package::PackageId>()
    {
        return Err(Failure::invalid("bad-package-id", crate::sentence(&error), ""));
    }
    let response = if args.source.starts_with("http://") || args.source.starts_with("https://") {
        let body = json_body(&InstallFromUrl { url: args.source.clone(), expect: args.expect.clone() })?;
        let request = Request::post("/").header("content-type", "application/json");
        client.send(request, "/packages/from-url", body).await?
    } else {
        let (body, length) = file_body(Path::new(&args.source)).await?;
        let request = Request::post("/")
            .header("content-type", "application/octet-stream")
            .header("content-length", length.to_string());
        let query = args.expect.as_ref().map(|id| format!("?expect={id}")).unwrap_or_default();
        client.send(request, &format!("/packages{query}"), body).await?
    };
    follow(response.into_body(), output).await
}

async fn file_body(path: &Path) -> Outcome<(Body, u64)> {
    let unreadable = |error: std::io::Error| {
        Failure::failed("file-unreadable", format!("{} cannot be read: {error}.", path.display()), "")
    };
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let metadata = file.metadata().await.map_err(unreadable)?;
    if !metadata.is_file() {
        let message = format!("{} is no file.", path.display());
        return Err(Failure::failed("file-unreadable", message, "Name a .spk file."));
    }
    let frames = ReaderStream::with_capacity(file, 256 << 10);
    let frames = futures::TryStreamExt::map_ok(frames, Frame::data);
    Ok((http_body_util::BodyExt::boxed(StreamBody::new(frames)), metadata.len()))
}

async fn follow(mut body: Incoming, output: Output) -> Outcome {
    let mut progress = Progress::new();
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| lost_failure(&error))?;
        let Ok(bytes) = frame.into_data() else { continue };
        rest.extend_from_slice(&bytes);
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let event = serde_json::from_slice(&line).map_err(std::io::Error::other)?;
            match event {
                InstallEvent::Progress { phase, bytes, total } => progress.show(phase, bytes, total),
                InstallEvent::Error { error } => {
                    progress.end();
                    return Err(error.into());
                }
                InstallEvent::Done { app, outcome, moved } => {
                    progress.end();
                    let title = plain(&app.title);
                    let version = plain(&app.marketing_version);
                    output.say(match outcome {
                        InstallOutcome::Installed => format!("{title} {version} is installed."),
                        InstallOutcome::AlreadyInstalled => format!("{title} {version} was installed already."),
                        InstallOutcome::Upgraded => format!("{title} is at version {version} now."),
                        InstallOutcome::Downgraded => format!(
                            "{title} {version} is older than what was installed: new grains are made with it, existing \
                             ones stay with the newer version."
                        ),
                    });
                    if moved > 0 {
                        output.say(format_args!("{moved} of its grains use this version from their next start on."));
                    }
                    let mut value = json!(app);
                    value["outcome"] = json!(outcome);
                    value["moved"] = json!(moved);
                    return output.result(&value, |_| app.app_id.clone());
                }
            }
        }
        if rest.len() > LINE_LIMIT {
            break;
        }
    }
    progress.end();
    Err(Failure::failed("connection-lost", "The installation broke off.", "See the output of `granary serve`."))
}

/// One line on the terminal that tells how far it is; nothing where nobody watches.
struct Progress {
    shown: bool,
    terminal: bool,
}

impl Progress {
    fn new() -> Self {
        Self { shown: false, terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, phase: InstallPhase, bytes: u64, total: Option<u64>) {
        if !self.terminal {
            return;
        }
        let verb = match phase {
            InstallPhase::Download => "Reading",
            InstallPhase::Verify => "Checking",
            InstallPhase::Unpack => "Unpacking",
        };
        let of = total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
        let _ = write!(std::io::stderr(), "\r\x1b[K{verb}: {}{of}", size(bytes));
        self.shown = true;
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
