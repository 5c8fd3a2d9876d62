//! Installed apps: what front ends see of them, uninstalling, and the removal of packages nobody needs.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the shorter form is not general over the lifetime of `Read`"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use granary_package::{ActionInput, Installed};
use granary_store::{Icon, IconKind, Package};

use crate::api::problem::{Problem, Result};
use crate::api::types::{Action, App, Author, Event, InstallOutcome};
use crate::core::{Core, blocking, now};
use crate::starters;

/// What an installation meant.
pub(crate) struct Change {
    pub(crate) app: App,
    pub(crate) outcome: InstallOutcome,
    /// Grains that run from another package now.
    pub(crate) moved: Vec<String>,
}

impl Core {
    pub(crate) async fn apps(&self) -> Result<Vec<App>> {
        let apps = self.db(|store| Ok(store.read(|r| r.apps())?)).await?;
        Ok(apps.into_iter().map(app).collect())
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
        icon.ok_or_else(|| {
            Problem::new(hyper::StatusCode::NOT_FOUND, "no-icon", "No icon", "This app brings no such icon.")
        })
    }

    pub(crate) async fn uninstall(self: &Arc<Self>, app_id: &str) -> Result<()> {
        let id = app_id.to_owned();
        if !self.db(move |store| Ok(store.write(|w| w.remove_app(&id))?)).await? {
            return Err(Problem::no_app(app_id));
        }
        self.updates.tell(Event::AppRemoved { app_id: app_id.to_owned() });
        self.remove_unused_packages().await;
        Ok(())
    }

    /// Records a package whose files are in place and makes it the one its app is made from; grains of no higher version
    /// are moved to it. One transaction.
    pub(crate) async fn adopt(self: &Arc<Self>, installed: &Installed, starter: bool) -> Result<Change> {
        let (package, icons) = describe(installed);
        let change = self.db(move |store| {
            Ok(store.write(|w| {
                if starters::IDS.contains(&package.app_id.as_str()) {
                    let mut own: BTreeSet<String> = w.setting(starters::PACKAGES)?.unwrap_or_default();
                    if starter {
                        own.insert(package.package_id.clone());
                        w.set_setting(starters::PACKAGES, &own)?;
                    } else if !own.contains(&package.package_id) {
                        return Ok::<_, granary_store::Error>(None);
                    }
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
                let moved = w.upgrade_grains(&package)?;
                let after = w.app(&package.app_id)?;
                Ok(Some(after.map(|after| Change { app: app(after), outcome, moved })))
            })?)
        });
        let change = change
            .await?
            .ok_or_else(starters::not_ours)?
            .ok_or_else(|| Problem::internal("an app vanished while it was installed"))?;
        self.updates.tell(Event::App { app: change.app.clone() });
        for grain in &change.moved {
            // It starts again, from the new package, on its next use.
            if let Err(error) = self.grains.stop(grain).await {
                tracing::warn!(grain, %error, "a grain could not be stopped for its new version");
            }
            self.tell_grain(grain).await;
        }
        Ok(change)
    }

    /// Removes packages that neither an app nor a grain needs. While something is being installed this is left to the
    /// end of that.
    pub(crate) async fn remove_unused_packages(self: &Arc<Self>) {
        let Ok(_nobody_installs) = self.packages.try_write() else { return };
        let core = Arc::clone(self);
        let removed = blocking(move || {
            for id in core.store.read(|r| r.unused_packages())? {
                // The row goes first: a folder without a row is collected at the next start.
                core.store.write(|w| w.remove_package(&id))?;
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

/// An app as front ends see it.
pub(crate) fn app(app: granary_store::App) -> App {
    let package = app.package;
    App {
        app_id: package.app_id,
        package_id: package.package_id,
        title: package.title,
        version: package.app_version,
        marketing_version: package.marketing_version,
        short_description: package.short_description,
        author: Author { fingerprint: package.author_fingerprint, name: package.author_name },
        starter: app.starter,
        unpacked_size: package.unpacked_size,
        grains: app.grains,
        actions: (0..)
            .zip(package.actions)
            .map(|(index, action)| Action {
                index,
                title: action.title,
                noun_phrase: action.noun_phrase,
                description: action.description,
            })
            .collect(),
    }
}

/// What the store keeps of a package.
fn describe(installed: &Installed) -> (Package, Vec<(IconKind, Icon)>) {
    let verified = &installed.verified;
    let manifest = &verified.manifest;
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let actions = manifest
        .actions
        .iter()
        .filter(|action| matches!(action.input, ActionInput::None))
        .map(|action| {
            let noun = noun_phrase(&action.noun_phrase.default_text, &action.title.default_text);
            granary_store::Action {
                title: some(&action.title.default_text).unwrap_or_else(|| format!("New {noun}")),
                noun_phrase: noun,
                description: some(&action.description.default_text),
                command: command(&action.command),
            }
        })
        .collect();
    let app_id = verified.app_id.to_string();
    let package = Package {
        package_id: verified.package_id.to_string(),
        app_version: manifest.app_version,
        title: some(&manifest.app_title.default_text).unwrap_or_else(|| app_id.chars().take(8).collect()),
        marketing_version: some(&manifest.app_marketing_version.default_text)
            .unwrap_or_else(|| manifest.app_version.to_string()),
        short_description: some(&manifest.metadata.short_description.default_text),
        author_fingerprint: verified.author_fingerprint.clone(),
        author_name: manifest.metadata.author.upstream_author.as_deref().and_then(some),
        unpacked_size: verified.unpacked_size,
        continue_command: command(&manifest.continue_command),
        actions,
        installed: now(),
        app_id,
    };
    let icons = &manifest.metadata.icons;
    let icons = [(IconKind::Grid, &icons.app_grid), (IconKind::Grain, &icons.grain)]
        .into_iter()
        .filter_map(|(kind, found)| Some((kind, icon(found.as_ref()?)?)))
        .collect();
    (package, icons)
}

fn command(command: &granary_package::Command) -> granary_store::Command {
    granary_store::Command { argv: command.argv.clone(), environ: command.environ.clone() }
}

/// The denser picture, where there are two: it looks right on every screen.
fn icon(icon: &granary_package::Icon) -> Option<Icon> {
    let (media_type, image) = match icon {
        granary_package::Icon::Svg { text } => ("image/svg+xml", text.clone().into_bytes()),
        granary_package::Icon::Png { dpi1x, dpi2x } => ("image/png", dpi2x.as_ref().or(dpi1x.as_ref())?.0.clone()),
    };
    (!image.is_empty()).then(|| Icon { media_type: media_type.into(), image })
}

/// What an action makes: as the manifest says, else what follows "New" in its title.
fn noun_phrase(given: &str, title: &str) -> String {
    let given = given.trim();
    if !given.is_empty() {
        return given.to_owned();
    }
    let title = title.trim();
    let rest = title.get(..4).filter(|start| start.eq_ignore_ascii_case("new ")).map(|_| title[4..].trim());
    rest.filter(|rest| !rest.is_empty()).unwrap_or("grain").to_owned()
}

#[cfg(test)]
mod tests {
    use super::noun_phrase;

    #[test]
    fn noun_phrases() {
        for (given, title, expected) in [
            ("document", "New letter", "document"),
            ("", "New letter", "letter"),
            ("  ", "new  big board ", "big board"),
            ("", "Create", "grain"),
            ("", "New ", "grain"),
            ("", "Néw", "grain"),
            ("", "", "grain"),
        ] {
            assert_eq!(noun_phrase(given, title), expected, "{given:?} {title:?}");
        }
    }
}
