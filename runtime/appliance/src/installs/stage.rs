//! The way of a package from its source to the answer: taken in and checked first, installed only after a yes.

use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt as _};
use granary_package::{Installed, PackageId, Phase, Progress};
use granary_store::{Icon, IconKind, NewNotification};
use tokio::sync::watch;
use tokio_util::io::ReaderStream;

use super::offer;
use super::registry::{Found, no_install};
use crate::api::extract::Via;
use crate::api::problem::{Problem, Result};
use crate::api::types::{
    ConfirmInstall, Event, Install, InstallDone, InstallOutcome, InstallPhase, InstallSource, InstallState, NewInstall,
};
use crate::apps::may_be_installed;
use crate::core::{Core, now};
use crate::install::{
    Incoming, Latest, SIZE_LIMIT, Stop, TELL_EVERY, download, parse_expected, stopping, too_large, updated,
};
use crate::words::Languages;
use crate::{describe, fetch, starters};

/// Bytes of a file that are read at a time.
const PIECE: usize = 256 << 10;

impl Core {
    pub(crate) fn get_install(&self, id: &str, languages: &Languages) -> Result<Install> {
        self.installs.get(id, languages).ok_or_else(|| no_install(id))
    }

    /// Begins to take a package in; what is asked of the source at once is refused at once.
    pub(crate) async fn new_install(self: &Arc<Self>, new: NewInstall, via: Via) -> Result<Install> {
        let expect = parse_expected(new.expect)?;
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Problem::internal(error.to_string()))?;
        let id = hex::encode(bytes);
        let add = |source| self.installs.add(&id, source, expect, new.background, now());
        match new.source {
            InstallSource::Upload { size: Some(size), .. } if size > SIZE_LIMIT => return Err(too_large()),
            InstallSource::Upload { name, size } => {
                add(InstallSource::Upload { name: describe::line(&name), size })?;
            }
            InstallSource::Url { url } => {
                let url = fetch::parse(&url)?.to_string();
                // A page must not make the appliance knock on doors of the local network.
                let local = via == Via::Socket || self.chosen().install_from_local_addresses;
                let stop = add(InstallSource::Url { url: url.clone() })?;
                let (core, id) = (Arc::clone(self), id.clone());
                tokio::spawn(async move {
                    // The connection's state takes much room.
                    let source = Box::pin(async move { download(&url, local).await });
                    core.stage(&id, expect, stop, false, source).await;
                });
            }
            InstallSource::File { path } => {
                via.refuse_pages(
                    "Only the desktop and the command line may name files of this computer.",
                    "Choose the file in the page instead.",
                )?;
                let (size, pieces) = open(Path::new(&path)).await?;
                let stop = add(InstallSource::File { path })?;
                let (core, id) = (Arc::clone(self), id.clone());
                tokio::spawn(async move {
                    core.stage(&id, expect, stop, false, async move { Ok((Some(size), pieces)) }).await;
                });
            }
        }
        self.tell_install(&id);
        self.get_install(&id, &Languages::default())
    }

    /// Takes in the file of a package that was announced, and gives how it is once it is checked.
    pub(crate) async fn install_file(
        self: &Arc<Self>,
        id: &str,
        body: Body,
        size: Option<u64>,
        languages: &Languages,
    ) -> Result<Install> {
        let (expect, stop) = self.installs.begin_upload(id)?;
        let pieces = body.into_data_stream().map(|piece| piece.map_err(std::io::Error::other));
        let source = async move {
            if size.is_some_and(|size| size > SIZE_LIMIT) { Err(too_large()) } else { Ok((size, pieces)) }
        };
        let (core, key) = (Arc::clone(self), id.to_owned());
        // On its own: a client that goes away leaves nothing half done.
        let staged = tokio::spawn(async move { core.stage(&key, expect, stop, true, source).await });
        staged.await.map_err(|error| Problem::internal(error.to_string()))?;
        let install = self.get_install(id, languages)?;
        match install.error {
            Some(error) => Err(error),
            None => Ok(install),
        }
    }

    async fn stage<S, F>(self: &Arc<Self>, id: &str, expect: Option<PackageId>, stop: Stop, drain: bool, source: F)
    where
        F: Future<Output = Result<(Option<u64>, S)>> + Send,
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        let (tell, progress) = watch::channel(Latest::default());
        let checking = async {
            let _installing = self.packages.read().await;
            let (size, pieces) = source.await?;
            let incoming = Incoming { size, expect, stop: stop.clone(), drain };
            let installed = self.receive(incoming, pieces, tell).await?;
            let package = installed.verified.package_id;
            let found = self.look_at(installed).await.inspect_err(|_| self.installs.discard(package))?;
            Ok(self.installs.ready(id, found, now()))
        };
        let mut checking = std::pin::pin!(checking);
        let mut clock = tokio::time::interval(TELL_EVERY);
        let (result, ended) = loop {
            tokio::select! {
                result = &mut checking => break (result, true),
                _ = clock.tick() => {
                    if let Some((phase, bytes, total)) = step(&progress.borrow())
                        && self.installs.progress(id, phase, bytes, total)
                    {
                        self.tell_install(id);
                    }
                }
                () = stop.cancelled() => break (Ok(false), false),
                () = self.ending.cancelled() => {
                    stop.set();
                    break (Err(stopping()), false);
                }
            }
        };
        let waits = match result {
            Ok(waits) => waits,
            Err(problem) => self.installs.failed(id, problem, now()),
        };
        if waits {
            self.tell_install(id);
            self.tell_if_unwatched(id).await;
        } else if !ended {
            // Lets the thread end that writes: what it leaves is cleared away below.
            let _ = checking.await;
        }
        self.remove_unused_packages().await;
    }

    /// What a package would mean; refuses one that could never be installed.
    async fn look_at(&self, installed: Installed) -> Result<Found> {
        let package = describe::package(&installed.verified);
        let change = self
            .db(move |store| {
                Ok(store.read(|r| match may_be_installed(r, &package.app_id, &package.package_id)? {
                    true => offer::change(r, &package).map(Some),
                    false => Ok(None),
                })?)
            })
            .await?
            .ok_or_else(starters::not_ours)?;
        Ok(Found { installed, change })
    }

    /// Carries the answer yes out, whoever goes away meanwhile.
    pub(crate) async fn confirm_install(
        self: &Arc<Self>,
        id: &str,
        answer: ConfirmInstall,
        languages: &Languages,
    ) -> Result<InstallDone> {
        let found = self.installs.begin_confirm(id)?;
        self.tell_install(id);
        let (core, key) = (Arc::clone(self), id.to_owned());
        let work = tokio::spawn(async move {
            let installing = core.packages.read().await;
            let change = core.adopt(&found.installed, false, answer.upgrade_grains).await;
            match &change {
                Ok(change) => core.installs.installed(&key, change.outcome, now()),
                Err(_) => core.installs.unconfirm(&key, now()),
            }
            drop(installing);
            core.tell_install(&key);
            core.remove_unused_packages().await;
            let change = change?;
            let unwatched = core.installs.get(&key, &Languages::default()).is_some_and(|install| install.background);
            if unwatched && change.outcome == InstallOutcome::Upgraded {
                core.remember(updated(&change.app, change.moved.len())).await;
            }
            Ok(InstallDone { app: change.app, outcome: change.outcome, moved: change.moved.len() as u64 })
        });
        let done: Result<InstallDone> = work.await.map_err(|error| Problem::internal(error.to_string()))?;
        done.map(|done| InstallDone { app: self.app_in_words(done.app, languages), ..done })
    }

    pub(crate) async fn cancel_install(self: &Arc<Self>, id: &str) -> Result<()> {
        self.installs.cancel(id)?;
        self.updates.tell(Event::InstallRemoved { install_id: id.to_owned() });
        self.remove_unused_packages().await;
        Ok(())
    }

    pub(crate) async fn watch_install(&self, id: &str, background: bool, languages: &Languages) -> Result<Install> {
        self.installs.set_background(id, background)?;
        self.tell_install(id);
        self.tell_if_unwatched(id).await;
        self.get_install(id, languages)
    }

    /// Forgets what nobody answered.
    pub(crate) async fn expire_installs(self: &Arc<Self>) {
        let over = self.installs.expire(now());
        if over.is_empty() {
            return;
        }
        for install_id in over {
            self.updates.tell(Event::InstallRemoved { install_id });
        }
        self.remove_unused_packages().await;
    }

    /// A picture of a package that waits.
    pub(crate) fn install_icon(&self, id: &str, kind: IconKind) -> Result<Icon> {
        let found = self.installs.found(id)?;
        let icons = describe::icons(&found.installed);
        icons.into_iter().find(|(found, _)| *found == kind).map(|(_, icon)| icon).ok_or_else(Problem::no_icon)
    }

    fn tell_install(&self, id: &str) {
        if let Some(install) = self.installs.get(id, &Languages::default()) {
            self.updates.tell(Event::Install { install: Box::new(install) });
        }
    }

    /// Where nobody watches, a notification says how it stands.
    async fn tell_if_unwatched(&self, id: &str) {
        let Some(install) = self.installs.get(id, &Languages::default()).filter(|install| install.background) else {
            return;
        };
        let source = match &install.source {
            InstallSource::Upload { name, .. } => name.clone(),
            InstallSource::Url { url } => describe::line(url),
            InstallSource::File { path } => {
                let name = Path::new(path).file_name().unwrap_or_default();
                describe::line(&name.to_string_lossy())
            }
        };
        let mut news = NewNotification {
            code: "install-ready".into(),
            severity: granary_store::Severity::Info,
            title: String::new(),
            text: "It was checked, and is installed when you say so.".into(),
            remedy: "Open it to see what it is.".into(),
            details: [("installId".to_owned(), id.to_owned()), ("source".to_owned(), source.clone())].into(),
            grain_id: None,
            app_id: None,
        };
        match (install.state, install.offer, install.error) {
            (InstallState::Ready, Some(offer), _) => {
                news.title = format!("{} waits for your answer", offer.title);
                news.details.insert("title".into(), offer.title);
                news.details.insert("version".into(), offer.marketing_version);
                news.app_id = Some(offer.app_id);
            }
            (InstallState::Failed, _, Some(error)) => {
                news.code = "install-failed".into();
                news.severity = granary_store::Severity::Warning;
                news.title = format!("{source} was not installed");
                news.details.insert("reason".into(), error.message.clone());
                news.details.insert("code".into(), error.code);
                news.text = error.message;
                news.remedy = error.remedy;
            }
            _ => return,
        }
        self.remember(news).await;
    }
}

/// The step a package is in: taking in and checking go on at the same time.
fn step(latest: &Latest) -> Option<(InstallPhase, u64, Option<u64>)> {
    let [arrived, checked, written] = latest;
    let whole = |progress: &&Progress| progress.total.is_some_and(|total| progress.bytes >= total);
    let now = written.as_ref().or_else(|| match (arrived, checked) {
        (Some(arrived), Some(checked)) => Some(if whole(&arrived) { checked } else { arrived }),
        (arrived, checked) => arrived.as_ref().or(checked.as_ref()),
    })?;
    let phase = match now.phase {
        Phase::Download => InstallPhase::Download,
        Phase::Verify => InstallPhase::Verify,
        Phase::Unpack => InstallPhase::Unpack,
    };
    Some((phase, now.bytes, now.total))
}

async fn open(path: &Path) -> Result<(u64, impl Stream<Item = std::io::Result<Bytes>> + Send + 'static + use<>)> {
    let refuse = |why: String| {
        Problem::invalid("file-unreadable", "The file cannot be read", format!("{} {why}.", path.display()))
    };
    if !path.is_absolute() {
        return Err(refuse("is no absolute path".into()));
    }
    // A FIFO would be waited for.
    let metadata = tokio::fs::metadata(path).await.map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if !metadata.is_file() {
        return Err(refuse("is no file".into()).remedy("Name a .spk file."));
    }
    if metadata.len() > SIZE_LIMIT {
        return Err(too_large());
    }
    let file = tokio::fs::File::open(path).await.map_err(|error| refuse(format!("cannot be read: {error}")))?;
    Ok((metadata.len(), ReaderStream::with_capacity(file, PIECE)))
}
