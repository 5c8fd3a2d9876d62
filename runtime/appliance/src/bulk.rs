//! What is done to several grains at once: each is done or not, whatever happens to the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use granary_gateway::Revoke;
use granary_store::{GrainFilter, Write};

use crate::api::problem::{Problem, Result};
use crate::api::types::{BulkAction, BulkFailure, BulkRequest, BulkResult};
use crate::core::{Core, now};
use crate::health::Subject;
use crate::source::refused;

/// How long a grain stays in the trash, in milliseconds.
const TRASH_LIFE: i64 = 30 * 24 * 3600 * 1000;

/// More grains than these are no selection of a person's.
const MOST: usize = 20_000;

/// Grains whose files are removed at the same time.
const AT_ONCE: usize = 8;

impl Core {
    pub(crate) async fn bulk(self: &Arc<Self>, request: BulkRequest) -> Result<BulkResult> {
        if request.grain_ids.len() > MOST {
            return Err(Problem::invalid(
                "too-many-grains",
                "Too many at once",
                format!("At most {MOST} grains at once."),
            )
            .remedy("Do it in several steps."));
        }
        self.each(request.action, request.grain_ids).await
    }

    /// The same to one.
    pub(crate) async fn one(self: &Arc<Self>, action: BulkAction, id: &str) -> Result<()> {
        let mut result = self.each(action, vec![id.to_owned()]).await?;
        result.failed.pop().map_or(Ok(()), |failure| Err(failure.error))
    }

    /// Deletes all that is in the trash.
    pub(crate) async fn empty_trash(self: &Arc<Self>) -> Result<BulkResult> {
        self.delete_trashed_before(i64::MAX).await
    }

    /// Deletes what has been in the trash for 30 days.
    pub(crate) async fn delete_old_trash(self: &Arc<Self>) -> Result<()> {
        self.delete_trashed_before(now() - TRASH_LIFE).await.map(drop)
    }

    async fn delete_trashed_before(self: &Arc<Self>, before: i64) -> Result<BulkResult> {
        let old = self.db(move |store| Ok(store.read(|r| r.grains(&GrainFilter::TrashedBefore(before)))?)).await?;
        self.each(BulkAction::Delete, old.into_iter().map(|grain| grain.grain_id).collect()).await
    }

    async fn each(self: &Arc<Self>, action: BulkAction, ids: Vec<String>) -> Result<BulkResult> {
        let mut seen = BTreeSet::new();
        let ids: Vec<String> = ids.into_iter().filter(|id| seen.insert(id.clone())).collect();
        if ids.is_empty() {
            return Ok(BulkResult::default());
        }
        // The rows of all in one transaction: the disk is waited for once.
        let time = now();
        let (found, missing, apps) = self
            .db(move |store| {
                Ok(store.write(|w| {
                    let (mut found, mut missing, mut apps) = (Vec::new(), Vec::new(), BTreeSet::new());
                    for id in ids {
                        let app = w.grain(&id)?.map(|grain| grain.app_id);
                        if change(w, action, &id, time)? {
                            found.push(id);
                        } else {
                            missing.push(id);
                        }
                        apps.extend(app);
                    }
                    Ok::<_, granary_store::Error>((found, missing, apps))
                })?)
            })
            .await?;
        let mut result = BulkResult {
            done: found,
            failed: missing
                .into_iter()
                .map(|grain_id| BulkFailure { error: Problem::no_grain(&grain_id), grain_id })
                .collect(),
        };
        // From here on they cannot start any more.
        match action {
            BulkAction::Restore => {}
            BulkAction::Trash => self.end(&mut result).await,
            BulkAction::Delete => self.remove_files(&result.done).await,
        }
        self.changes.grains(result.done.iter().chain(result.failed.iter().map(|failure| &failure.grain_id)));
        if action == BulkAction::Delete {
            for app in &apps {
                self.changes.app(app);
            }
            self.remove_unused_packages().await;
        }
        Ok(result)
    }

    /// Ends the sessions and the processes of grains that are in the trash now.
    async fn end(&self, result: &mut BulkResult) {
        for id in std::mem::take(&mut result.done) {
            self.sessions.revoke(&Revoke::Grain(id.clone()));
            match self.grains.stop(&id).await {
                Ok(_) => result.done.push(id),
                Err(error) => result.failed.push(BulkFailure { grain_id: id, error: refused(&error) }),
            }
        }
    }

    /// Removes what is left of grains that have no row any more.
    async fn remove_files(&self, ids: &[String]) {
        futures::stream::iter(ids)
            .for_each_concurrent(AT_ONCE, async |id| {
                self.sessions.revoke(&Revoke::Grain(id.clone()));
                if let Err(error) = self.grains.delete(id, &self.folder.grain(id)).await {
                    tracing::warn!(grain = id, %error, "the files of a deleted grain are still there; the next start removes them");
                }
                self.health.forget(&Subject::Grain(id.clone()));
            })
            .await;
    }
}

fn change(w: &Write<'_>, action: BulkAction, id: &str, time: i64) -> granary_store::Result<bool> {
    match action {
        BulkAction::Trash => w.set_grain_trashed(id, Some(time)),
        BulkAction::Restore => w.set_grain_trashed(id, None),
        BulkAction::Delete => w.remove_grain(id),
    }
}
