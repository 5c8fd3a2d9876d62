//! Grains as the owner sees them: rows of the database and running sandboxes, kept in step.

use std::sync::Arc;

use axum::body::Bytes;
use futures::Stream;
use granary_gateway::{LoginId, NewSession};
use granary_grain::{GrainSpec, IdentityId, new_grain_id};
use granary_store::GrainFilter;

use crate::api::problem::{Problem, Result};
use crate::api::types::{BulkAction, Grain, GrainState, NewGrain, Session};
use crate::core::{Core, now};
use crate::folder;
use crate::session::OwnerSession;
use crate::source::{command, in_trash, refused};
use crate::words::Languages;

impl Core {
    pub(crate) async fn list_grains(&self, languages: &Languages) -> Result<Vec<Grain>> {
        let rows = self.db(|store| Ok(store.read(|r| r.grains(&GrainFilter::All))?)).await?;
        let mut grains: Vec<Grain> = rows.into_iter().map(|row| self.shown(row)).collect();
        self.grains_in_words(&mut grains, languages);
        Ok(grains)
    }

    pub(crate) async fn grain(&self, id: &str) -> Result<Grain> {
        self.row(id).await.map(|row| self.shown(row))
    }

    pub(crate) async fn create_grain(&self, request: NewGrain, languages: &Languages) -> Result<Grain> {
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
            None => {
                let words = self.dictionary.get(&package.package_id);
                let title = words.as_ref().and_then(|words| words.title(languages));
                let index = usize::try_from(request.action).unwrap_or(usize::MAX);
                let noun = words.as_ref().and_then(|words| words.noun_phrase(index, languages));
                let title = title.as_ref().unwrap_or(&package.title);
                format!("Untitled {title} {}", noun.as_ref().unwrap_or(&action.noun_phrase))
            }
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
            opened: false,
            app_title: package.title,
        };
        let stored = row.clone();
        let grains = self.folder.grains();
        self.db(move |store| {
            folder::sync_folder(&grains).map_err(|error| Problem::internal(error.to_string()))?;
            Ok(store.write(|w| w.add_grain(&stored))?)
        })
        .await?;
        self.changes.grain(&id);
        self.changes.app(&row.app_id);
        Ok(self.grain_in_words(self.shown(row), languages))
    }

    pub(crate) async fn rename_grain(&self, id: &str, title: &str) -> Result<Grain> {
        let title = checked_title(title)?;
        let key = id.to_owned();
        let found = self.db(move |store| Ok(store.write(|w| w.set_grain_title(&key, &title))?)).await?;
        self.changed(id, found).await
    }

    pub(crate) async fn trash_grain(self: &Arc<Self>, id: &str) -> Result<Grain> {
        self.one(BulkAction::Trash, id).await?;
        self.grain(id).await
    }

    pub(crate) async fn restore_grain(self: &Arc<Self>, id: &str) -> Result<Grain> {
        self.one(BulkAction::Restore, id).await?;
        self.grain(id).await
    }

    pub(crate) async fn delete_grain(self: &Arc<Self>, id: &str) -> Result<()> {
        self.one(BulkAction::Delete, id).await
    }

    /// Ends a grain and starts it again. Its sessions stay: a page that is reloaded finds the new start.
    pub(crate) async fn restart_grain(&self, id: &str) -> Result<Grain> {
        if self.row(id).await?.trashed.is_some() {
            return Err(in_trash());
        }
        self.grains.stop(id).await.map_err(|error| refused(&error))?;
        self.grains.start(id).await.map_err(|error| refused(&error))?;
        self.grain(id).await
    }

    pub(crate) async fn stop_grain(&self, id: &str) -> Result<Grain> {
        self.row(id).await?;
        self.grains.stop(id).await.map_err(|error| refused(&error))?;
        self.grain(id).await
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
        let opener = OwnerSession::new(self, id.to_owned(), identity).map_err(|error| refused(&error))?;
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

    async fn changed(&self, id: &str, found: bool) -> Result<Grain> {
        if !found {
            return Err(Problem::no_grain(id));
        }
        self.changes.grain(id);
        self.grain(id).await
    }

    async fn row(&self, id: &str) -> Result<granary_store::Grain> {
        let key = id.to_owned();
        let row = self.db(move |store| Ok(store.read(|r| r.grain(&key))?)).await?;
        row.ok_or_else(|| Problem::no_grain(id))
    }

    /// A row and what is known of its sandbox, as front ends see it.
    pub(crate) fn shown(&self, row: granary_store::Grain) -> Grain {
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
            app_version: row.app_version,
            never_opened: !row.opened,
            created: row.created,
            last_used: row.last_used,
            trashed: row.trashed,
        }
    }
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
