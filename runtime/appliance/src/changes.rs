//! Gathers what changes, so that front ends hear once of many changes, in the order in which they can be believed.
//!
//! Whoever changes a grain or an app says only which; a moment later one task reads how they all are by then and tells
//! it. So nothing that is told is older than what was told before, and a thing that is gone is told to be gone.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::api::problem::Result;
use crate::api::types::Event;
use crate::core::Core;

/// How long changes are gathered before they are told.
const GATHER: Duration = Duration::from_millis(25);

/// How many grains are told of at once.
const PIECE: usize = 500;

/// What has changed and was not told yet.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    dirty: Mutex<Dirty>,
    wake: Notify,
    revision: AtomicU64,
}

#[derive(Debug, Default)]
struct Dirty {
    grains: BTreeSet<String>,
    apps: BTreeSet<String>,
}

impl Changes {
    /// A grain is new, has changed, or is gone. Called after the change can be read.
    pub(crate) fn grain(&self, id: &str) {
        self.note(|dirty| {
            dirty.grains.insert(id.to_owned());
        });
    }

    /// Several grains.
    pub(crate) fn grains<'a>(&self, ids: impl IntoIterator<Item = &'a String>) {
        self.note(|dirty| dirty.grains.extend(ids.into_iter().cloned()));
    }

    /// An app is new, has changed, or is gone.
    pub(crate) fn app(&self, id: &str) {
        self.note(|dirty| {
            dirty.apps.insert(id.to_owned());
        });
    }

    /// Grows with every change of a grain or an app. What is read after it was asked for is at least as new as it says.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::SeqCst)
    }

    fn note(&self, note: impl FnOnce(&mut Dirty)) {
        note(&mut self.dirty.lock().unwrap_or_else(PoisonError::into_inner));
        self.revision.fetch_add(1, Ordering::SeqCst);
        self.wake.notify_one();
    }

    fn take(&self) -> Dirty {
        std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells what changes until the appliance ends.
pub(crate) async fn follow(core: Arc<Core>) {
    loop {
        tokio::select! {
            () = core.ending.cancelled() => return,
            () = core.changes.wake.notified() => {}
        }
        tokio::time::sleep(GATHER).await;
        if let Err(problem) = tell(&core, core.changes.take()).await {
            tracing::warn!(%problem, "changes could not be told");
            core.updates.tell(Event::Resync);
        }
    }
}

async fn tell(core: &Arc<Core>, dirty: Dirty) -> Result<()> {
    let Dirty { grains, apps } = dirty;
    let (grains, removed, apps, unread) = core
        .db(move |store| {
            Ok(store.read(|r| {
                let mut found = Vec::new();
                let mut removed = Vec::new();
                for id in grains {
                    match r.grain(&id)? {
                        Some(grain) => found.push(grain),
                        None => removed.push(id),
                    }
                }
                let apps = apps.into_iter().map(|id| r.app(&id).map(|app| (id, app)));
                let apps = apps.collect::<granary_store::Result<Vec<_>>>()?;
                // What is told of a grain goes with it.
                let unread = if removed.is_empty() { None } else { Some(r.unread_notifications()?) };
                Ok::<_, granary_store::Error>((found, removed, apps, unread))
            })?)
        })
        .await?;
    let mut grains = grains.into_iter().map(|row| core.shown(row)).peekable();
    while grains.peek().is_some() {
        let mut piece: Vec<_> = grains.by_ref().take(PIECE).collect();
        core.updates.tell(match piece.len() {
            1 => Event::Grain { grain: piece.remove(0) },
            _ => Event::Grains { grains: piece },
        });
    }
    match removed.as_slice() {
        [] => {}
        [one] => core.updates.tell(Event::GrainRemoved { grain_id: one.clone() }),
        _ => core.updates.tell(Event::GrainsRemoved { grain_ids: removed }),
    }
    if let Some(unread) = unread {
        core.updates.tell(Event::NotificationsChanged { unread });
    }
    for (app_id, app) in apps {
        core.updates.tell(match app {
            Some(app) => Event::App { app: crate::describe::app(app) },
            None => Event::AppRemoved { app_id },
        });
    }
    Ok(())
}
