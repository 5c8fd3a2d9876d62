//! Installing packages: bytes come in on one side, a report goes out on the other, and neither waits for the other.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt as _};
use granary_package::{Installed, Options, PackageId, Phase, Progress};
use hyper::StatusCode;
use tokio::sync::{mpsc, watch};

use crate::api::problem::{Problem, Result};
use crate::api::types::{InstallEvent, InstallPhase};
use crate::core::{Core, blocking};
use crate::fetch;

/// The longest package file. What is inside may be 1 GiB; compression never makes it much longer.
const SIZE_LIMIT: u64 = (1 << 30) + (64 << 20);

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Pieces on the way from the network to the disk.
const PIECES: usize = 8;

/// How long a refused upload is still taken in, so that its sender comes to read why.
const DRAIN: Duration = Duration::from_secs(20);

/// The newest of each phase: downloading and verifying go on at the same time.
type Latest = [Option<Progress>; 3];

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
        let source = async move {
            let download = fetch::open(&url, local).await?;
            if download.size.is_some_and(|size| size > SIZE_LIMIT) {
                return Err(too_large());
            }
            Ok((download.size, download.into_stream()))
        };
        Ok(self.report(source, expect))
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
            let cancel = Arc::new(AtomicBool::new(false));
            let installing = async {
                let (size, pieces) = source.await?;
                core.install(size, pieces, expect, tell, Arc::clone(&cancel)).await
            };
            let mut installing = std::pin::pin!(installing);
            let mut clock = tokio::time::interval(TELL_EVERY);
            let mut told = Latest::default();
            let last = loop {
                tokio::select! {
                    result = &mut installing => break result.unwrap_or_else(|error| InstallEvent::Error { error }),
                    _ = clock.tick() => tell_changes(&report, *progress.borrow(), &mut told),
                    () = report.closed(), if !cancel.load(Ordering::Relaxed) => cancel.store(true, Ordering::Relaxed),
                    () = core.ending.cancelled() => {
                        cancel.store(true, Ordering::Relaxed);
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
        size: Option<u64>,
        pieces: S,
        expect: Option<PackageId>,
        tell: watch::Sender<Latest>,
        cancel: Arc<AtomicBool>,
    ) -> Result<InstallEvent>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        let installing = self.packages.read().await;
        let (sender, receiver) = mpsc::channel(PIECES);
        let pump = tokio::spawn(pump(pieces, sender));
        let apps = self.folder.apps();
        let installed = blocking(move || {
            let mut note = |progress: Progress| {
                tell.send_modify(|latest| latest[slot(progress.phase)] = Some(progress));
            };
            let options = Options { size, expect, scratch: None, progress: Some(&mut note), cancel: Some(&cancel) };
            let source = Pieces { receiver, piece: Bytes::new(), taken: 0 };
            granary_package::install(source, &apps, options).map_err(|error| refused(&error))
        })
        .await;
        // Lets a refused upload run out.
        let _ = tokio::time::timeout(DRAIN, pump).await;
        let change = self.adopt(&installed?, false).await?;
        drop(installing);
        self.remove_unused_packages().await;
        let moved = change.moved.len() as u64;
        Ok(InstallEvent::Done { app: change.app, outcome: change.outcome, moved })
    }

    /// Installs a package from a file of Granary's own.
    pub(crate) async fn install_starter(self: &Arc<Self>, file: std::fs::File) -> Result<()> {
        let installing = self.packages.read().await;
        let apps = self.folder.apps();
        let installed: Installed = blocking(move || {
            granary_package::install(file, &apps, Options::default()).map_err(|error| refused(&error))
        })
        .await?;
        self.adopt(&installed, true).await?;
        drop(installing);
        Ok(())
    }
}

/// Moves what arrives to where it is read. After the reader is gone it goes on, to nowhere.
async fn pump<S>(pieces: S, sender: mpsc::Sender<std::io::Result<Bytes>>)
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    let mut pieces = std::pin::pin!(pieces);
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

fn parse_expected(expect: Option<String>) -> Result<Option<PackageId>> {
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

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "package-too-big",
        "The package was refused",
        "The file is larger than any package may be (1 GiB).",
    )
}

fn stopping() -> Problem {
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
