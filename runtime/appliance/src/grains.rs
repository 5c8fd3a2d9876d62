//! Grains as the owner sees them: rows of the database and running sandboxes, kept in step.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the shorter form is not general over the lifetime of `Read`"
)]

use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use futures::Stream;
use granary_gateway::{LoginId, NewSession, Revoke};
use granary_grain::{GrainSource, GrainSpec, IdentityId, SourceError, new_grain_id};
use granary_store::{GrainFilter, Store};
use hyper::StatusCode;

use crate::api::problem::{Problem, Result};
use crate::api::types::{Event, Grain, GrainState, NewGrain, Session};
use crate::core::{Core, now};
use crate::folder::{self, Folder};
use crate::health::Subject;
use crate::install::sentence;
use crate::session::OwnerSession;

/// How long a grain stays in the trash, in milliseconds.
const TRASH_LIFE: i64 = 30 * 24 * 3600 * 1000;

impl Core {
    pub(crate) async fn list_grains(&self) -> Result<Vec<Grain>> {
        let rows = self.db(|store| Ok(store.read(|r| r.grains(&GrainFilter::All))?)).await?;
        Ok(rows.into_iter().map(|row| self.shown(row)).collect())
    }

    pub(crate) async fn grain(&self, id: &str) -> Result<Grain> {
        self.row(id).await.map(|row| self.shown(row))
    }

    pub(crate) async fn create_grain(&self, request: NewGrain) -> Result<Grain> {
        let app_id = request.app_id.clone();
        let app = self.db(move |store| Ok(store.read(|r| r.app(&app_id))?)).await?;
        let package = app.ok_or_else(|| Problem::no_app(&request.app_id))?.package;
        let action = usize::try_from(request.action).ok().and_then(|index| package.actions.get(index));
        let action = action.ok_or_else(|| {
            let known = package.actions.len();
            Problem::invalid(
                "no-such-action",
                "No such action",
                match known {
                    0 => format!("{} cannot create anything by itself.", package.title),
                    1 => format!("{} has one action, number 0.", package.title),
                    _ => format!("{} has the actions 0 to {}.", package.title, known - 1),
                },
            )
        })?;
        let title = match request.title {
            Some(title) => checked_title(&title)?,
            None => format!("Untitled {} {}", package.title, action.noun_phrase),
        };
        let id = new_grain_id().map_err(|error| refused(&error))?;
        let spec = GrainSpec {
            id: id.clone(),
            package_dir: self.folder.apps().join(&package.package_id),
            dir: self.folder.grain(&id),
            command: command(&action.command),
        };
        // The row is what makes it a grain: a folder without one is collected at the next start.
        self.grains.create(spec).await.map_err(|error| refused(&error))?;
        let time = now();
        let row = granary_store::Grain {
            grain_id: id.clone(),
            title,
            app_id: package.app_id,
            package_id: package.package_id,
            app_version: package.app_version,
            owner_identity: IdentityId::random().map_err(|error| refused(&error))?.to_hex(),
            created: time,
            last_used: time,
            size: self.grains.status(&id).size.unwrap_or(0),
            trashed: None,
            app_title: package.title,
        };
        let stored = row.clone();
        let grains = self.folder.grains();
        self.db(move |store| {
            folder::sync_folder(&grains).map_err(|error| Problem::internal(error.to_string()))?;
            Ok(store.write(|w| w.add_grain(&stored))?)
        })
        .await?;
        let grain = self.shown(row);
        self.updates.tell(Event::Grain { grain: grain.clone() });
        self.tell_app(&grain.app_id).await;
        Ok(grain)
    }

    pub(crate) async fn rename_grain(&self, id: &str, title: &str) -> Result<Grain> {
        let title = checked_title(title)?;
        let key = id.to_owned();
        let found = self.db(move |store| Ok(store.write(|w| w.set_grain_title(&key, &title))?)).await?;
        self.changed(id, found).await
    }

    pub(crate) async fn trash_grain(&self, id: &str) -> Result<Grain> {
        let key = id.to_owned();
        let found = self.db(move |store| Ok(store.write(|w| w.set_grain_trashed(&key, Some(now())))?)).await?;
        if found {
            // From here on it cannot start any more.
            self.sessions.revoke(&Revoke::Grain(id.to_owned()));
            self.grains.stop(id).await.map_err(|error| refused(&error))?;
        }
        self.changed(id, found).await
    }

    pub(crate) async fn restore_grain(&self, id: &str) -> Result<Grain> {
        let key = id.to_owned();
        let found = self.db(move |store| Ok(store.write(|w| w.set_grain_trashed(&key, None))?)).await?;
        self.changed(id, found).await
    }

    pub(crate) async fn stop_grain(&self, id: &str) -> Result<Grain> {
        self.row(id).await?;
        self.grains.stop(id).await.map_err(|error| refused(&error))?;
        self.grain(id).await
    }

    pub(crate) async fn delete_grain(self: &Arc<Self>, id: &str) -> Result<()> {
        let row = self.row(id).await?;
        let key = id.to_owned();
        // Without its row it cannot start any more, and whatever of it is left is collected at the next start.
        if !self.db(move |store| Ok(store.write(|w| w.remove_grain(&key))?)).await? {
            return Err(Problem::no_grain(id));
        }
        self.sessions.revoke(&Revoke::Grain(id.to_owned()));
        if let Err(error) = self.grains.delete(id, &self.folder.grain(id)).await {
            tracing::warn!(grain = id, %error, "the files of a deleted grain are still there; the next start removes them");
        }
        self.health.forget(&Subject::Grain(id.to_owned()));
        self.updates.tell(Event::GrainRemoved { grain_id: id.to_owned() });
        self.tell_app(&row.app_id).await;
        self.remove_unused_packages().await;
        Ok(())
    }

    /// Deletes what has been in the trash for 30 days.
    pub(crate) async fn empty_trash(self: &Arc<Self>) -> Result<()> {
        let before = now() - TRASH_LIFE;
        let old = self.db(move |store| Ok(store.read(|r| r.grains(&GrainFilter::TrashedBefore(before)))?)).await?;
        for grain in old {
            self.delete_grain(&grain.grain_id).await?;
        }
        Ok(())
    }

    pub(crate) async fn open_session(&self, id: &str, path: &str, login: Option<LoginId>) -> Result<Session> {
        let row = self.row(id).await?;
        if row.trashed.is_some() {
            return Err(in_trash());
        }
        if !path.starts_with('/') {
            return Err(Problem::invalid("bad-path", "Not a path", "A path in an app begins with a slash."));
        }
        let identity = IdentityId::from_hex(&row.owner_identity)
            .ok_or_else(|| Problem::internal("the grain's owner has a damaged identity in the database"))?;
        let opener =
            OwnerSession::new(self.grains.clone(), Arc::clone(&self.store), id.to_owned(), identity, &self.chosen())
                .map_err(|error| refused(&error))?;
        let url = self.sessions.create(NewSession {
            opener: Arc::new(opener),
            grain: id.to_owned(),
            path: path.to_owned(),
            login,
        });
        Ok(Session { url: url.init_url, host: url.host })
    }

    pub(crate) async fn grain_log(
        &self,
        id: &str,
        backlog: u64,
        follow: bool,
    ) -> Result<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>> {
        self.row(id).await?;
        let ending = self.ending.clone().cancelled_owned();
        Ok(futures::StreamExt::take_until(self.grains.log(&self.folder.grain(id), backlog, follow), ending))
    }

    /// Tells front ends how a grain is now.
    pub(crate) async fn tell_grain(&self, id: &str) {
        if let Ok(grain) = self.grain(id).await {
            self.updates.tell(Event::Grain { grain });
        }
    }

    /// Tells front ends how an app is now: how many grains it has, that is.
    async fn tell_app(&self, app_id: &str) {
        let id = app_id.to_owned();
        if let Ok(Some(app)) = self.db(move |store| Ok(store.read(|r| r.app(&id))?)).await {
            self.updates.tell(Event::App { app: crate::apps::app(app) });
        }
    }

    async fn changed(&self, id: &str, found: bool) -> Result<Grain> {
        if !found {
            return Err(Problem::no_grain(id));
        }
        let grain = self.grain(id).await?;
        self.updates.tell(Event::Grain { grain: grain.clone() });
        Ok(grain)
    }

    async fn row(&self, id: &str) -> Result<granary_store::Grain> {
        let key = id.to_owned();
        let row = self.db(move |store| Ok(store.read(|r| r.grain(&key))?)).await?;
        row.ok_or_else(|| Problem::no_grain(id))
    }

    fn shown(&self, row: granary_store::Grain) -> Grain {
        let status = self.grains.status(&row.grain_id);
        Grain {
            state: match status.state {
                granary_grain::GrainState::Stopped => GrainState::Stopped,
                granary_grain::GrainState::Starting => GrainState::Starting,
                granary_grain::GrainState::Running => GrainState::Running,
            },
            size: status.size.unwrap_or(row.size),
            grain_id: row.grain_id,
            title: row.title,
            app_id: row.app_id,
            app_title: row.app_title,
            package_id: row.package_id,
            created: row.created,
            last_used: row.last_used,
            trashed: row.trashed,
        }
    }
}

/// Removes folders of grains that have no row: half made, or half deleted.
pub(crate) fn collect_leftovers(store: &Store, folder: &Folder) -> Result<()> {
    let failed = |error: std::io::Error| Problem::internal(error.to_string());
    granary_grain::collect_leftovers(&folder.grains()).map_err(failed)?;
    for entry in std::fs::read_dir(folder.grains()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let known = match name.to_str() {
            Some(id) => store.read(|r| r.grain(id))?.is_some(),
            None => false,
        };
        if !known {
            remove(&entry.path());
        }
    }
    Ok(())
}

/// Removes folders of packages that have no row, and packages nobody needs.
pub(crate) fn collect_packages(store: &Store, folder: &Folder) -> Result<()> {
    let failed = |error: std::io::Error| Problem::internal(error.to_string());
    for id in store.read(|r| r.unused_packages())? {
        store.write(|w| w.remove_package(&id))?;
    }
    let known = store.read(|r| r.package_ids())?;
    for entry in std::fs::read_dir(folder.apps()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !known.iter().any(|id| **id == *entry.file_name()) {
            remove(&entry.path());
        }
    }
    Ok(())
}

fn remove(path: &Path) {
    if let Err(error) = folder::remove_tree(path) {
        tracing::warn!(path = %path.display(), %error, "a leftover could not be removed");
    }
}

/// What the grain crate asks of the database.
pub(crate) struct Source {
    pub(crate) store: Arc<Store>,
    pub(crate) apps: std::path::PathBuf,
    pub(crate) grains: std::path::PathBuf,
}

impl GrainSource for Source {
    fn spec(&self, grain_id: &str) -> Result<GrainSpec, SourceError> {
        let error = |code, message: String| SourceError { code, message };
        let (grain, package) = self
            .store
            .read(|r| {
                let grain = r.grain(grain_id)?;
                let package = grain.as_ref().map(|grain| r.package(&grain.package_id)).transpose()?.flatten();
                Ok::<_, granary_store::Error>((grain, package))
            })
            .map_err(|failure| error("internal", sentence(&failure.to_string())))?;
        let grain = grain.ok_or_else(|| error("no-such-grain", format!("There is no grain {grain_id}.")))?;
        if grain.trashed.is_some() {
            return Err(error("grain-in-trash", in_trash().message));
        }
        let package = package
            .filter(|package| self.apps.join(&package.package_id).is_dir())
            .ok_or_else(|| error("missing-package", "Grain's package not installed; install the app again.".into()))?;
        if package.continue_command.argv.is_empty() {
            return Err(error("no-command", format!("{} has no command to open existing grains with.", package.title)));
        }
        Ok(GrainSpec {
            id: grain_id.to_owned(),
            package_dir: self.apps.join(&package.package_id),
            dir: self.grains.join(grain_id),
            command: command(&package.continue_command),
        })
    }
}

fn command(command: &granary_store::Command) -> granary_grain::Command {
    granary_grain::Command { argv: command.argv.clone(), environ: command.environ.clone() }
}

/// A name for a grain: something to see, on one line, of a length that fits.
fn checked_title(title: &str) -> Result<String> {
    let title = title.trim();
    let refuse = |message| Err(Problem::invalid("bad-title", "Not a possible title", message));
    if title.is_empty() {
        return refuse("A grain's title cannot be empty.");
    }
    if title.chars().count() > 200 {
        return refuse("A grain's title has at most 200 characters.");
    }
    if title.chars().any(char::is_control) {
        return refuse("A grain's title has no line breaks or other control characters.");
    }
    Ok(title.to_owned())
}

fn in_trash() -> Problem {
    Problem::new(StatusCode::CONFLICT, "grain-in-trash", "The document is in the trash", "Grain is in the trash bin.")
        .remedy("Restore it first.")
}

/// A failure of the grain crate as the API tells it.
pub(crate) fn refused(error: &granary_grain::Error) -> Problem {
    use granary_grain::Error as E;
    let status = match error {
        E::BadGrainId(_) | E::NoSuchGrain(_) => StatusCode::NOT_FOUND,
        E::Exists(_) | E::Deleting(_) | E::Source(_) => StatusCode::CONFLICT,
        E::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        E::Ended(_) | E::App(_) => StatusCode::BAD_GATEWAY,
        E::AccessDenied => StatusCode::FORBIDDEN,
        E::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        E::Sandbox { .. } | E::Io { .. } | E::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let remedy = match error {
        E::Sandbox { .. } => "`granary doctor` says what this computer lacks.",
        E::Timeout(_) | E::Ended(_) | E::App(_) => "`granary log` shows what the app said.",
        _ => "",
    };
    Problem::new(status, error.code(), "The grain could not be used", sentence(&error.to_string())).remedy(remedy)
}
