//! Installing packages: bytes come in on one side, a report goes out on the other, and neither waits for the other.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt as _};
use granary_package::{Installed, Options, PackageId, Phase, Progress};
use granary_store::NewNotification;
use hyper::StatusCode;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::api::problem::{Problem, Result};
use crate::api::types::{App, InstallEvent, InstallOutcome, InstallPhase};
use crate::core::{Core, blocking};
use crate::fetch;

/// The longest package file. What is inside may be 1 GiB; compression never makes it much longer.
pub(crate) const SIZE_LIMIT: u64 = (1 << 30) + (64 << 20);

/// How often progress is told.
pub(crate) const TELL_EVERY: Duration = Duration::from_millis(100);

/// Pieces on the way from the network to the disk.
const PIECES: usize = 8;

/// How long a refused upload is still taken in, so that its sender comes to read why.
const DRAIN: Duration = Duration::from_secs(20);

/// The newest of each phase: downloading and verifying go on at the same time.
pub(crate) type Latest = [Option<Progress>; 3];

impl Core {
    /// Installs the package that `body` holds.
    pub(crate) fn install_upload(
        self: &Arc<Self>,
        body: Body,
        size: Option<u64>,
        expect: Option<String>,
    ) -> Result<impl Stream<Item = InstallEvent> + Send + use<>> {
        let expect = parse_expected(expect)?;
        if size.is_some_and(|size| size > SIZE_LIMIT) {
            return Err(too_large());
        }
        let pieces = body.into_data_stream().map(|piece| piece.map_err(std::io::Error::other));
        Ok(self.report(async move { Ok((size, pieces)) }, expect))
    }

    /// Downloads a package and installs it. `trusted` callers may name addresses of this computer's network.
    pub(crate) fn install_from_url(
        self: &Arc<Self>,
        url: &str,
        expect: Option<String>,
        trusted: bool,
    ) -> Result<impl Stream<Item = InstallEvent> + Send + use<>> {
        let expect = parse_expected(expect)?;
        let local = trusted || self.chosen().install_from_local_addresses;
        let url = url.to_owned();
        Ok(self.report(async move { download(&url, local).await }, expect))
    }

    /// Runs an installation on its own and tells of it. Progress is the newest, not each step, so a slow reader of the
    /// report never slows the installation, nor the reading of the upload; that is what would deadlock a client which
    /// first sends everything and then reads.
    fn report<S, F>(
        self: &Arc<Self>,
        source: F,
        expect: Option<PackageId>,
    ) -> impl Stream<Item = InstallEvent> + Send + use<S, F>
    where
        F: Future<Output = Result<(Option<u64>, S)>> + Send + 'static,
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        let (tell, progress) = watch::channel(Latest::default());
        let (report, events) = mpsc::channel(64);
        let core = Arc::clone(self);
        tokio::spawn(async move {
            let stop = Stop::default();
            let installing = async {
                let (size, pieces) = source.await?;
                let incoming = Incoming { size, expect, stop: stop.clone(), drain: true };
                core.install(incoming, pieces, tell).await
            };
            let mut installing = std::pin::pin!(installing);
            let mut clock = tokio::time::interval(TELL_EVERY);
            let mut told = Latest::default();
            let last = loop {
                tokio::select! {
                    result = &mut installing => break result.unwrap_or_else(|error| InstallEvent::Error { error }),
                    _ = clock.tick() => tell_changes(&report, *progress.borrow(), &mut told),
                    () = report.closed(), if !stop.is_set() => stop.set(),
                    () = core.ending.cancelled() => {
                        stop.set();
                        break InstallEvent::Error { error: stopping() };
                    }
                }
            };
            tell_changes(&report, *progress.borrow(), &mut told);
            // Nobody may be left to hear it.
            let _ = report.send(last).await;
        });
        futures::stream::unfold(events, |mut events| async move { events.recv().await.map(|event| (event, events)) })
    }

    async fn install<S>(
        self: &Arc<Self>,
        incoming: Incoming,
        pieces: S,
        tell: watch::Sender<Latest>,
    ) -> Result<InstallEvent>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        let installing = self.packages.read().await;
        let installed = self.receive(incoming, pieces, tell).await?;
        let change = self.adopt(&installed, false, true).await;
        drop(installing);
        if change.is_err() {
            self.installs.discard(installed.verified.package_id);
        }
        self.remove_unused_packages().await;
        let change = change?;
        let moved = change.moved.len() as u64;
        Ok(InstallEvent::Done { app: change.app, outcome: change.outcome, moved })
    }

    /// Takes a package in, checks it and puts its files where they are run from. Nothing runs them before its app is made
    /// from it. Called with `packages` held.
    pub(crate) async fn receive<S>(
        &self,
        incoming: Incoming,
        pieces: S,
        tell: watch::Sender<Latest>,
    ) -> Result<Installed>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        let Incoming { size, expect, stop, drain } = incoming;
        let (sender, receiver) = mpsc::channel(PIECES);
        let enough = stop.token.child_token();
        let pump = tokio::spawn(pump(pieces, sender, enough.clone()));
        let apps = self.folder.apps();
        let cancel = stop.clone();
        let installed = blocking(move || {
            let mut note = |progress: Progress| {
                tell.send_modify(|latest| latest[slot(progress.phase)] = Some(progress));
            };
            let options =
                Options { size, expect, scratch: None, progress: Some(&mut note), cancel: Some(&cancel.flag) };
            let source = Pieces { receiver, piece: Bytes::new(), taken: 0 };
            granary_package::install(source, &apps, options).map_err(|error| refused(&error))
        })
        .await;
        // Lets a refused upload run out.
        if !drain {
            enough.cancel();
        }
        let _ = tokio::time::timeout(DRAIN, pump).await;
        installed
    }

    /// Installs a package from a file of Granary's own.
    pub(crate) async fn install_starter(self: &Arc<Self>, file: std::fs::File) -> Result<()> {
        let installing = self.packages.read().await;
        let apps = self.folder.apps();
        let installed: Installed = blocking(move || {
            granary_package::install(file, &apps, Options::default()).map_err(|error| refused(&error))
        })
        .await?;
        let change = self.adopt(&installed, true, true).await?;
        drop(installing);
        if change.outcome == InstallOutcome::Upgraded {
            self.remember(updated(&change.app, change.moved.len())).await;
        }
        Ok(())
    }
}

/// Begins to download a package.
pub(crate) async fn download(
    url: &str,
    local: bool,
) -> Result<(Option<u64>, impl Stream<Item = std::io::Result<Bytes>> + Send + 'static + use<>)> {
    let download = fetch::open(url, local).await?;
    if download.size.is_some_and(|size| size > SIZE_LIMIT) {
        return Err(too_large());
    }
    Ok((download.size, download.into_stream()))
}

/// What is known of a package before it arrives.
pub(crate) struct Incoming {
    /// Its length, where that is known.
    pub(crate) size: Option<u64>,
    /// The id it must have.
    pub(crate) expect: Option<PackageId>,
    pub(crate) stop: Stop,
    /// Whether what is left of a refused one is still taken in.
    pub(crate) drain: bool,
}

/// Ends the taking in of a package: the thread that reads it, and what it waits for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    flag: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Stop {
    pub(crate) fn set(&self) {
        self.flag.store(true, Ordering::Relaxed);
        self.token.cancel();
    }

    pub(crate) async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    pub(crate) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }
}

/// Tells that an app is at a new version.
pub(crate) fn updated(app: &App, moved: usize) -> NewNotification {
    NewNotification {
        code: "app-updated".into(),
        severity: granary_store::Severity::Info,
        title: format!("{} was updated", app.title),
        text: format!("It is at version {} now.", app.marketing_version),
        remedy: String::new(),
        details: [
            ("title".to_owned(), app.title.clone()),
            ("version".to_owned(), app.marketing_version.clone()),
            ("grains".to_owned(), moved.to_string()),
        ]
        .into(),
        grain_id: None,
        app_id: Some(app.app_id.clone()),
    }
}

/// Moves what arrives to where it is read. After the reader is gone it goes on, to nowhere.
async fn pump<S>(pieces: S, sender: mpsc::Sender<std::io::Result<Bytes>>, enough: CancellationToken)
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    let mut pieces = std::pin::pin!(pieces.take_until(enough.cancelled()));
    while let Some(piece) = pieces.next().await {
        let broken = piece.is_err();
        let _ = sender.send(piece).await;
        if broken {
            return;
        }
    }
}

/// The reading end of [`pump`], for a thread that waits.
struct Pieces {
    receiver: mpsc::Receiver<std::io::Result<Bytes>>,
    piece: Bytes,
    taken: u64,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.piece = piece?,
            }
            self.taken += self.piece.len() as u64;
            if self.taken > SIZE_LIMIT {
                return Err(std::io::Error::other(too_large().message));
            }
        }
        let count = self.piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}

/// Tells what is new of each phase; what does not fit, because nobody reads, is left out.
fn tell_changes(report: &mpsc::Sender<InstallEvent>, latest: Latest, told: &mut Latest) {
    for (now, before) in latest.iter().zip(told.iter()) {
        if let Some(now) = now
            && Some(now) != before.as_ref()
        {
            let phase = match now.phase {
                Phase::Download => InstallPhase::Download,
                Phase::Verify => InstallPhase::Verify,
                Phase::Unpack => InstallPhase::Unpack,
            };
            let _ = report.try_send(InstallEvent::Progress { phase, bytes: now.bytes, total: now.total });
        }
    }
    *told = latest;
}

fn slot(phase: Phase) -> usize {
    match phase {
        Phase::Download => 0,
        Phase::Verify => 1,
        Phase::Unpack => 2,
    }
}

pub(crate) fn parse_expected(expect: Option<String>) -> Result<Option<PackageId>> {
    let parse = |text: String| {
        text.parse().map_err(|error: granary_package::ParseIdError| {
            Problem::invalid("bad-package-id", "Not a package id", sentence(&error.to_string()))
        })
    };
    expect.map(parse).transpose()
}

fn refused(error: &granary_package::Error) -> Problem {
    let message = sentence(&error.to_string());
    if error.is_refusal() {
        Problem::invalid(error.code(), "The package was refused", message)
    } else {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.code(), "The package could not be installed", message)
    }
}

pub(crate) fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "package-too-big",
        "The package was refused",
        "The file is larger than any package may be (1 GiB).",
    )
}

pub(crate) fn stopping() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "shutting-down", "Granary is stopping", "Granary is shutting down.")
        .remedy("Start it again and install the package then.")
}

/// Errors inside the runtime begin in lower case, since they follow other words; here they stand alone.
pub(crate) fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if message.ends_with(['.', '!', '?', '`']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}
