//! The packages on their way: how many there may be, how long they wait, and what is to be cleared away after them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use granary_package::{Installed, PackageId};
use hyper::StatusCode;

use super::offer::offer;
use crate::api::problem::{Problem, Result};
use crate::api::types::{Install, InstallOutcome, InstallPhase, InstallSource, InstallState, OfferChange};
use crate::install::Stop;
use crate::words::Languages;

/// Packages that are on their way or wait for an answer at once. Each may hold a manifest of some megabytes in memory.
const UNFINISHED: usize = 16;
/// Ended ones that are remembered, so that whoever began them sees how they ended.
const ENDED: usize = 32;

/// How long an upload may take to begin.
const UPLOAD_PATIENCE: Duration = Duration::from_mins(5);
/// How long a checked package waits for an answer.
const ANSWER_PATIENCE: Duration = Duration::from_hours(1);
/// How long the end of one is remembered.
const MEMORY: Duration = Duration::from_mins(15);

/// See the module's first line.
#[derive(Debug, Default)]
pub(crate) struct Installs(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    entries: BTreeMap<String, Entry>,
    /// Packages whose files are there and that nobody wants any more.
    discarded: BTreeSet<String>,
}

#[derive(Debug)]
struct Entry {
    install: Install,
    expect: Option<PackageId>,
    stop: Stop,
    found: Option<Arc<Found>>,
}

/// A package that was checked, and what it would mean.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) installed: Installed,
    pub(crate) change: OfferChange,
}

impl Installs {
    /// Adds one. It waits for an upload, or is worked on at once.
    pub(crate) fn add(
        &self,
        id: &str,
        source: InstallSource,
        expect: Option<PackageId>,
        background: bool,
        now: i64,
    ) -> Result<Stop> {
        let mut inner = self.lock();
        if inner.entries.values().filter(|entry| !is_ended(entry.install.state)).count() >= UNFINISHED {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "too-many-installs",
                "Too many packages at once",
                format!("{UNFINISHED} packages are on their way or wait for an answer."),
            )
            .remedy("Answer or cancel some of them first."));
        }
        let waits = matches!(source, InstallSource::Upload { .. });
        let stop = Stop::default();
        let install = Install {
            install_id: id.to_owned(),
            source,
            state: if waits { InstallState::Waiting } else { InstallState::Working },
            phase: None,
            bytes: 0,
            total: None,
            offer: None,
            outcome: None,
            error: None,
            background,
            created: now,
            expires: waits.then(|| after(now, UPLOAD_PATIENCE)),
        };
        inner.entries.insert(id.to_owned(), Entry { install, expect, stop: stop.clone(), found: None });
        Ok(stop)
    }

    /// One of them, in words of these languages.
    pub(crate) fn get(&self, id: &str, languages: &Languages) -> Option<Install> {
        self.lock().entries.get(id).map(|entry| shown(entry, languages))
    }

    /// All of them, the oldest first.
    pub(crate) fn all(&self, languages: &Languages) -> Vec<Install> {
        let mut all: Vec<_> = self.lock().entries.values().map(|entry| shown(entry, languages)).collect();
        all.sort_by(|a, b| (a.created, &a.install_id).cmp(&(b.created, &b.install_id)));
        all
    }

    /// The package behind an offer.
    pub(crate) fn found(&self, id: &str) -> Result<Arc<Found>> {
        let inner = self.lock();
        let entry = inner.entries.get(id).ok_or_else(|| no_install(id))?;
        entry.found.clone().ok_or_else(|| not_ready(entry.install.state))
    }

    /// An upload begins: what it must be, and how to stop it.
    pub(crate) fn begin_upload(&self, id: &str) -> Result<(Option<PackageId>, Stop)> {
        let mut inner = self.lock();
        let entry = inner.entries.get_mut(id).ok_or_else(|| no_install(id))?;
        if entry.install.state != InstallState::Waiting {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "install-not-waiting",
                "No file is waited for",
                "The file of this package has arrived already, or it comes from elsewhere.",
            ));
        }
        entry.install.state = InstallState::Working;
        entry.install.expires = None;
        Ok((entry.expect, entry.stop.clone()))
    }

    /// How far one is. Gives whether that is news.
    pub(crate) fn progress(&self, id: &str, phase: InstallPhase, bytes: u64, total: Option<u64>) -> bool {
        self.change(id, |entry| {
            let install = &mut entry.install;
            let news = (install.phase, install.bytes, install.total) != (Some(phase), bytes, total);
            (install.phase, install.bytes, install.total) = (Some(phase), bytes, total);
            news
        })
        .unwrap_or(false)
    }

    /// One waits for an answer now. A package that was cancelled meanwhile is cleared away. Gives whether it waits.
    pub(crate) fn ready(&self, id: &str, found: Found, now: i64) -> bool {
        let package = found.installed.verified.package_id;
        let waits = self.change(id, |entry| {
            entry.found = Some(Arc::new(found));
            entry.install.state = InstallState::Ready;
            entry.install.expires = Some(after(now, ANSWER_PATIENCE));
        });
        if waits.is_none() {
            self.discard(package);
        }
        waits.is_some()
    }

    /// The answer is yes; only one such answer is taken at a time.
    pub(crate) fn begin_confirm(&self, id: &str) -> Result<Arc<Found>> {
        let mut inner = self.lock();
        let entry = inner.entries.get_mut(id).ok_or_else(|| no_install(id))?;
        match (entry.install.state, &entry.found) {
            (InstallState::Ready, Some(found)) => {
                entry.install.state = InstallState::Installing;
                entry.install.expires = None;
                Ok(Arc::clone(found))
            }
            (state, _) => Err(not_ready(state)),
        }
    }

    /// The answer could not be carried out; it may be given again.
    pub(crate) fn unconfirm(&self, id: &str, now: i64) {
        self.change(id, |entry| {
            entry.install.state = InstallState::Ready;
            entry.install.expires = Some(after(now, ANSWER_PATIENCE));
        });
    }

    pub(crate) fn installed(&self, id: &str, outcome: InstallOutcome, now: i64) {
        self.end(id, now, |entry| {
            entry.install.state = InstallState::Installed;
            entry.install.outcome = Some(outcome);
        });
    }

    /// Gives whether anybody is left to know.
    pub(crate) fn failed(&self, id: &str, error: Problem, now: i64) -> bool {
        self.end(id, now, |entry| {
            entry.install.state = InstallState::Failed;
            entry.install.error = Some(error);
        })
    }

    fn end(&self, id: &str, now: i64, change: impl FnOnce(&mut Entry)) -> bool {
        let known = self.change(id, |entry| {
            change(entry);
            entry.install.expires = Some(after(now, MEMORY));
        });
        known.is_some()
    }

    /// Whether nobody watches it from now on.
    pub(crate) fn set_background(&self, id: &str, background: bool) -> Result<()> {
        self.change(id, |entry| entry.install.background = background).ok_or_else(|| no_install(id))
    }

    /// Stops one and forgets it. One that is being changed over is left to finish.
    pub(crate) fn cancel(&self, id: &str) -> Result<()> {
        let mut inner = self.lock();
        let entry = inner.entries.get(id).ok_or_else(|| no_install(id))?;
        if entry.install.state == InstallState::Installing {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "install-busy",
                "Too late to cancel",
                "The package is being installed at this moment.",
            )
            .remedy("Uninstall the app afterwards; its documents stay."));
        }
        inner.remove(id);
        Ok(())
    }

    /// Forgets what has waited long enough, and the oldest of too many ends. Gives their ids.
    pub(crate) fn expire(&self, now: i64) -> Vec<String> {
        let mut inner = self.lock();
        let mut over: Vec<String> = inner
            .entries
            .iter()
            .filter(|(_, entry)| entry.install.expires.is_some_and(|expires| expires <= now))
            .map(|(id, _)| id.clone())
            .collect();
        let mut ended: Vec<(i64, String)> = inner
            .entries
            .iter()
            .filter(|(id, entry)| is_ended(entry.install.state) && !over.contains(id))
            .map(|(id, entry)| (entry.install.created, id.clone()))
            .collect();
        ended.sort();
        let too_many = ended.len().saturating_sub(ENDED);
        over.extend(ended.into_iter().take(too_many).map(|(_, id)| id));
        for id in &over {
            inner.remove(id);
        }
        over
    }

    /// Files of a package are there that nobody wants.
    pub(crate) fn discard(&self, package: PackageId) {
        self.lock().discarded.insert(package.to_string());
    }

    pub(crate) fn take_discarded(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.lock().discarded)
    }

    /// Whether a package waits for an answer.
    pub(crate) fn holds(&self, package_id: &str) -> bool {
        self.lock().entries.values().any(|entry| {
            let found = entry.found.as_ref().filter(|_| !is_ended(entry.install.state));
            found.is_some_and(|found| found.installed.verified.package_id.to_string() == package_id)
        })
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.lock().entries.get_mut(id).map(change)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn remove(&mut self, id: &str) {
        let Some(entry) = self.entries.remove(id) else { return };
        entry.stop.set();
        if let Some(found) = entry.found {
            // Where its app is installed, it is one of the packages that are known, and stays.
            self.discarded.insert(found.installed.verified.package_id.to_string());
        }
    }
}

fn shown(entry: &Entry, languages: &Languages) -> Install {
    let offer = entry.found.as_ref().map(|found| offer(found, languages));
    Install { offer, ..entry.install.clone() }
}

fn is_ended(state: InstallState) -> bool {
    matches!(state, InstallState::Installed | InstallState::Failed)
}

fn after(now: i64, time: Duration) -> i64 {
    now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

pub(crate) fn no_install(id: &str) -> Problem {
    let id: String = id.chars().take(64).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-install",
        "This package is no longer on its way",
        format!("No package {id:?} waits to be installed: it was cancelled, or nobody answered for an hour."),
    )
    .remedy("Open the package again.")
}

fn not_ready(state: InstallState) -> Problem {
    let message = match state {
        InstallState::Waiting | InstallState::Working => "The package is still being checked.",
        InstallState::Installing => "The package is being installed already.",
        InstallState::Installed => "The package is installed already.",
        InstallState::Ready | InstallState::Failed => "The package cannot be installed.",
    };
    Problem::new(StatusCode::CONFLICT, "install-not-ready", "The package does not wait for an answer", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload() -> InstallSource {
        InstallSource::Upload { name: "a.spk".into(), size: None }
    }

    #[test]
    fn only_so_many_at_once_and_none_for_ever() {
        let installs = Installs::default();
        for number in 0..UNFINISHED {
            installs.add(&number.to_string(), upload(), None, false, 0).unwrap();
        }
        let problem = installs.add("more", upload(), None, false, 0).unwrap_err();
        assert_eq!(problem.code, "too-many-installs");
        installs.begin_upload("1").unwrap();
        assert_eq!(installs.begin_upload("1").unwrap_err().code, "install-not-waiting");
        assert_eq!(installs.begin_confirm("1").unwrap_err().code, "install-not-ready");
        installs.begin_upload("2").unwrap();
        assert!(installs.failed("2", Problem::internal("x"), 10));
        installs.add("more", upload(), None, false, 20).unwrap();

        // Uploads that never began go first, then the memory of the failure; what is worked on stays.
        assert!(installs.expire(1000).is_empty());
        let over = installs.expire(after(0, UPLOAD_PATIENCE));
        assert_eq!(over.len(), UNFINISHED - 2);
        assert_eq!(installs.expire(after(10, MEMORY)).len(), 2);
        let left: Vec<String> = installs.all(&Languages::default()).into_iter().map(|one| one.install_id).collect();
        assert_eq!(left, ["1"]);
        assert_eq!(installs.expire(i64::MAX).len(), 0);
        installs.cancel("1").unwrap();
        assert_eq!(installs.cancel("1").unwrap_err().code, "no-such-install");
    }

    #[test]
    fn the_ends_that_are_remembered_are_few() {
        let installs = Installs::default();
        for number in 0..100_i64 {
            let id = format!("{number:03}");
            installs.add(&id, upload(), None, false, number).unwrap();
            installs.failed(&id, Problem::internal("x"), number);
        }
        assert_eq!(installs.expire(200).len(), 100 - ENDED);
        assert!(installs.get("099", &Languages::default()).is_some());
    }
}
