//! All that is known of one app: its versions, their grains, and what its package says of it.

use granary_store::{Package, PackageUse};

use crate::api::problem::{Problem, Result};
use crate::api::types::{AppDetails, AppVersion, Author};
use crate::core::{Core, blocking};
use crate::describe;
use crate::words::Languages;

impl Core {
    pub(crate) async fn app_details(&self, app_id: &str, languages: &Languages) -> Result<AppDetails> {
        let id = app_id.to_owned();
        let (app, packages, uses) = self
            .db(move |store| {
                Ok(store
                    .read(|r| Ok::<_, granary_store::Error>((r.app(&id)?, r.packages(&id)?, r.package_uses(&id)?)))?)
            })
            .await?;
        let shown = match &app {
            Some(app) => app.package.clone(),
            None => packages.first().cloned().ok_or_else(|| Problem::no_app(app_id))?,
        };
        let apps = self.folder.apps();
        let package_id = shown.package_id.clone();
        let (manifest, bridge) = blocking(move || {
            let bridge = describe::bridge_config_of(&apps, &package_id);
            Ok((describe::manifest_of(&apps, &package_id).unwrap_or_default(), bridge))
        })
        .await?;
        let current = app.as_ref().map(|app| app.package.package_id.clone());
        let count = |newer: bool| {
            let others = uses.iter().filter(|one| current.is_some() && one.package_id != shown.package_id);
            // Another build of the same version counts as older: it is moved as well.
            others.filter(|one| (one.app_version > shown.app_version) == newer).map(|one| one.grains).sum()
        };
        let (older_grains, newer_grains) = (count(false), count(true));
        let metadata = &manifest.metadata;
        let words = self.dictionary.get(&shown.package_id);
        let mut categories: Vec<String> =
            metadata.categories.iter().map(|category| category.title().to_owned()).collect();
        categories.dedup();
        Ok(AppDetails {
            app_id: app_id.to_owned(),
            title: words.and_then(|words| words.title(languages)).unwrap_or(shown.title),
            author: Author { fingerprint: shown.author_fingerprint, name: shown.author_name },
            links: describe::links(metadata),
            licence: describe::licence(metadata, languages),
            categories,
            description: describe::text(languages.get(&metadata.description)),
            change_log: describe::text(languages.get(&metadata.change_log)),
            asks: describe::asks(&manifest, bridge.as_ref(), languages),
            last_updated: shown.installed,
            older_grains,
            newer_grains,
            versions: packages.into_iter().map(|package| version(package, &uses, current.as_deref())).collect(),
            app: app.map(|app| self.app_in_words(describe::app(app), languages)),
        })
    }
}

fn version(package: Package, uses: &[PackageUse], current: Option<&str>) -> AppVersion {
    let used = uses.iter().filter(|one| one.package_id == package.package_id);
    let (grains, trashed) = used.fold((0, 0), |sum, one| (sum.0 + one.grains, sum.1 + one.trashed));
    AppVersion {
        current: current == Some(package.package_id.as_str()),
        package_id: package.package_id,
        version: package.app_version,
        marketing_version: package.marketing_version,
        author: Author { fingerprint: package.author_fingerprint, name: package.author_name },
        unpacked_size: package.unpacked_size,
        installed: package.installed,
        grains,
        trashed,
    }
}
