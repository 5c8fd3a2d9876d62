//! What takes space, and how much there is.

use crate::api::problem::{Problem, Result};
use crate::api::types::{GrainStorage, Storage};
use crate::core::{Core, blocking};
use crate::words::Languages;

impl Core {
    pub(crate) async fn storage(&self) -> Result<Storage> {
        let database = self.folder.database();
        let root = self.folder.root().to_owned();
        let (disk_size, disk_free, database) = blocking(move || {
            let disk = nix::sys::statvfs::statvfs(&root)
                .map_err(|error| Problem::internal(format!("The disk cannot be asked how full it is: {error}.")))?;
            let of = |suffix: &str| {
                let mut path = database.clone().into_os_string();
                path.push(suffix);
                std::fs::metadata(path).map_or(0, |metadata| metadata.len())
            };
            Ok((
                disk.blocks() * disk.fragment_size(),
                disk.blocks_available() * disk.fragment_size(),
                of("") + of("-wal") + of("-shm"),
            ))
        })
        .await?;
        let apps = self.db(|store| Ok(store.read(|r| r.packages_size())?)).await?;
        let mut by_grain: Vec<GrainStorage> = self
            .list_grains(&Languages::default())
            .await?
            .into_iter()
            .map(|grain| GrainStorage { grain_id: grain.grain_id, size: grain.size, trashed: grain.trashed.is_some() })
            .collect();
        by_grain.sort_by(|a, b| (b.size, &a.grain_id).cmp(&(a.size, &b.grain_id)));
        let sum = |trashed| by_grain.iter().filter(|one| one.trashed == trashed).map(|one| one.size).sum();
        Ok(Storage {
            data_dir: self.folder.root().display().to_string(),
            disk_size,
            disk_free,
            grains: sum(false),
            trash: sum(true),
            apps,
            database,
            by_grain,
        })
    }
}
