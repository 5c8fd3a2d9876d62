//! Installed apps: what front ends see of them, uninstalling, and the removal of packages nobody needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use granary_package::Installed;
use granary_store::{Icon, IconKind, Read};

use crate::api::problem::{Problem, Result};
use crate::api::types::{App, InstallOutcome, UpgradedGrains};
use crate::core::{Core, blocking};
use crate::words::{Languages, Words};
use crate::{describe, starters};

/// What an installation meant.
pub(crate) struct Change {
    pub(crate) app: App,
    pub(crate) outcome: InstallOutcome,
    /// Grains that run from another package now.
    pub(crate) moved: Vec<String>,
}

impl Core {
    pub(crate) async fn apps(&self, languages: &Languages) -> Result<Vec<App>> {
        let apps = self.db(|store| Ok(store.read(|r| r.apps())?)).await?;
        Ok(apps.into_iter().map(|app| self.app_in_words(describe::app(app), languages)).collect())
    }

    pub(crate) async fn icon(&self, app_id: &str, kind: IconKind) -> Result<Icon> {
        let id = app_id.to_owned();
        let icon = self
            .db(move |store| {
                Ok(store.read(|r| {
                    let package = match r.app(&id)? {
                        Some(app) => Some(app.package.package_id),
                        // Uninstalled, with grains left.
                        None => r.any_package(&id)?,
                    };
                    package.map_or(Ok(None), |package| r.icon(&package, kind))
                })?)
            })
            .await?;
        icon.ok_or_else(Problem::no_icon)
    }

    pub(crate) async fn uninstall(self: &Arc<Self>, app_id: &str) -> Result<()> {
        let id = app_id.to_owned();
        if !self.db(move |store| Ok(store.write(|w| w.remove_app(&id))?)).await? {
            return Err(Problem::no_app(app_id));
        }
        self.changes.app(app_id);
        self.remove_unused_packages().await;
        Ok(())
    }

    /// Records a package whose files are in place and makes it the one its app is made from; with `upgrade`, grains of no
    /// higher version are moved to it. One transaction.
    pub(crate) async fn adopt(self: &Arc<Self>, installed: &Installed, starter: bool, upgrade: bool) -> Result<Change> {
        let package = describe::package(&installed.verified);
        let icons = describe::icons(installed);
        let package_id = package.package_id.clone();
        let change = self.db(move |store| {
            Ok(store.write(|w| {
                if starter {
                    let mut own = starters::own_packages(w)?;
                    own.insert(package.package_id.clone());
                    w.set_setting(starters::PACKAGES, &own)?;
                } else if !may_be_installed(w, &package.app_id, &package.package_id)? {
                    return Ok::<_, granary_store::Error>(None);
                }
                let before = w.app(&package.app_id)?;
                let outcome = match &before {
                    None => InstallOutcome::Installed,
                    Some(app) if app.package.package_id == package.package_id => InstallOutcome::AlreadyInstalled,
                    Some(app) if app.package.app_version > package.app_version => InstallOutcome::Downgraded,
                    Some(_) => InstallOutcome::Upgraded,
                };
                let starter = starter || before.is_some_and(|app| app.starter);
                w.put_package(&package, &icons)?;
                w.put_app(&package.app_id, &package.package_id, starter, package.installed)?;
                let moved = if upgrade { w.upgrade_grains(&package)? } else { Vec::new() };
                let after = w.app(&package.app_id)?;
                Ok(Some(after.map(|after| Change { app: describe::app(after), outcome, moved })))
            })?)
        });
        let change = change
            .await?
            .ok_or_else(starters::not_ours)?
            .ok_or_else(|| Problem::internal("an app vanished while it was installed"))?;
        self.dictionary.put(&package_id, Words::of(&installed.verified.manifest));
        self.changes.app(&change.app.app_id);
        self.change_over(&change.moved).await;
        Ok(change)
    }

    /// Moves an app's grains of older versions to its current one.
    pub(crate) async fn upgrade_grains(self: &Arc<Self>, app_id: &str) -> Result<UpgradedGrains> {
        let id = app_id.to_owned();
        let moved = self
            .db(move |store| {
                Ok(store.write(|w| match w.app(&id)? {
                    Some(app) => w.upgrade_grains(&app.package).map(Some),
                    None => Ok(None),
                })?)
            })
            .await?
            .ok_or_else(|| Problem::no_app(app_id))?;
        self.change_over(&moved).await;
        self.changes.app(app_id);
        self.remove_unused_packages().await;
        Ok(UpgradedGrains { grain_ids: moved })
    }

    /// Ends grains that run from another package now; they start again, from that one, on their next use.
    async fn change_over(&self, grains: &[String]) {
        for grain in grains {
            if let Err(error) = self.grains.stop(grain).await {
                tracing::warn!(grain, %error, "a grain could not be stopped for its new version");
            }
        }
        self.changes.grains(grains);
    }

    /// Removes packages that neither an app nor a grain needs, nor anybody is asked about. While something is being installed
    /// this is left to the end of that.
    pub(crate) async fn remove_unused_packages(self: &Arc<Self>) {
        let Ok(_nobody_installs) = self.packages.try_write() else { return };
        let core = Arc::clone(self);
        let removed = blocking(move || {
            let mut unused: BTreeSet<String> = core.store.read(|r| r.unused_packages())?.into_iter().collect();
            let known: BTreeSet<String> = core.store.read(|r| r.package_ids())?.into_iter().collect();
            unused.extend(core.installs.take_discarded().into_iter().filter(|id| !known.contains(id)));
            for id in unused {
                if core.installs.holds(&id) {
                    continue;
                }
                // The row goes first: a folder without a row is collected at the next start.
                core.store.write(|w| w.remove_package(&id))?;
                core.dictionary.forget(&id);
                if let Ok(parsed) = id.parse()
                    && let Err(error) = granary_package::remove(&core.folder.apps(), parsed)
                {
                    tracing::warn!(package = id, %error, "an unused package could not be removed");
                }
            }
            Ok(())
        });
        if let Err(problem) = removed.await {
            tracing::warn!(%problem, "unused packages could not be looked for");
        }
    }
}

/// Whether a package that did not come with Granary may be installed as this app.
pub(crate) fn may_be_installed(r: &Read<'_>, app_id: &str, package_id: &str) -> granary_store::Result<bool> {
    Ok(!starters::IDS.contains(&app_id) || starters::own_packages(r)?.contains(package_id))
}
