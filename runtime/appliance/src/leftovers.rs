//! Clears away at the start what an earlier run left: grains and packages that were half made or half deleted.

use std::path::Path;

use granary_store::Store;

use crate::api::problem::{Problem, Result};
use crate::folder::{self, Folder};

/// Removes folders of grains that have no row: half made, or half deleted.
pub(crate) fn collect_grains(store: &Store, folder: &Folder) -> Result<()> {
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
