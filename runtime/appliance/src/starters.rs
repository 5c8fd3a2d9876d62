//! The apps that come with Granary: installed when they are new, and left alone when their owner uninstalled them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::api::problem::Problem;
use crate::core::Core;

/// Which file was installed last, by its name: length and time of change.
const KEY: &str = "starters";

/// The starter apps' ids. Their keys are public, so that everybody's build has the same ids: anybody can sign with them, and a package
/// of theirs counts only when it came with Granary.
pub(crate) const IDS: [&str; 2] =
    ["j61akt7rnvn6u53e2dh3whv84adahr74wcvyax9tw5a534f1t9m0", "2zjdrdc2vcgnmra0dqmmquhmkktxvzut8v45yme6qnxpgtgj7zt0"];

/// The ids of the packages that came with Granary.
pub(crate) const PACKAGES: &str = "starter-packages";

/// The packages that came with Granary.
pub(crate) fn own_packages(r: &granary_store::Read<'_>) -> granary_store::Result<BTreeSet<String>> {
    Ok(r.setting(PACKAGES)?.unwrap_or_default())
}

/// Why a package that bears a starter app's id and did not come with Granary is refused.
pub(crate) fn not_ours() -> Problem {
    Problem::invalid(
        "package-starter",
        "This app comes with Granary",
        "The package says it is one of the apps that come with Granary, but it is not the one that came. Its key is public, so it may be anybody's. \
         New versions of these apps come with new versions of Granary.",
    )
}

type Seen = BTreeMap<String, (u64, u64)>;

/// The folders in which programs and files of Granary's own lie.
pub(crate) fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("GRANARY_LIBEXEC").map(PathBuf::from).into_iter().collect();
    if let Some(own) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        folders.push(own.to_owned());
        folders.push(own.join("../lib/granary"));
    }
    folders
}

impl Core {
    /// Installs the starter apps that this data folder has not seen, from the first folder that has any.
    pub(crate) async fn install_starters(self: &Arc<Self>, folders: &[PathBuf]) {
        for file in folders
            .iter()
            .map(|folder| packages(&folder.join("starter")))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
        {
            if let Err(problem) = self.install_new_starter(&file).await {
                tracing::warn!(file = %file.display(), %problem, "a starter app could not be installed");
            }
        }
    }

    async fn install_new_starter(self: &Arc<Self>, path: &Path) -> crate::api::problem::Result<()> {
        use std::os::unix::fs::MetadataExt as _;

        let failed = |error: std::io::Error| Problem::internal(format!("{}: {error}", path.display()));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = std::fs::File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mark =
            (metadata.len(), metadata.mtime_nsec().unsigned_abs() + metadata.mtime().unsigned_abs() * 1_000_000_000);
        let mut seen: Seen = self.db(|store| Ok(store.read(|r| r.setting(KEY))?)).await?.unwrap_or_default();
        if seen.get(&name) == Some(&mark) {
            return Ok(());
        }
        // A newer one replaces an installed one; it does not bring back one that was uninstalled.
        if seen.contains_key(&name) {
            let app_id = tokio::task::spawn_blocking({
                let path = path.to_owned();
                move || {
                    granary_package::verify(std::fs::File::open(path)?, granary_package::Options::default())
                        .map(|verified| verified.app_id.to_string())
                        .map_err(std::io::Error::other)
                }
            })
            .await
            .map_err(|error| Problem::internal(error.to_string()))?
            .map_err(failed)?;
            let installed = self.db(move |store| Ok(store.read(|r| r.app(&app_id))?.is_some())).await?;
            if installed {
                self.install_starter(file).await?;
            }
        } else {
            self.install_starter(file).await?;
        }
        seen.insert(name, mark);
        self.db(move |store| Ok(store.write(|w| w.set_setting(KEY, &seen))?)).await?;
        self.remove_unused_packages().await;
        Ok(())
    }
}

fn packages(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "spk"))
        .collect();
    found.sort();
    found
}
