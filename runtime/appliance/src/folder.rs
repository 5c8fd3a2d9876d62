//! The data folder: where things lie, who may look, and the lock that one appliance holds on it.

use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another appliance uses it.
    #[error("Granary already runs on {}{}; `granary open` shows it", path.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Busy {
        /// The folder.
        path: PathBuf,
        /// Who, when that is known.
        pid: Option<i32>,
    },
    /// It belongs to somebody else.
    #[error("the data folder {} belongs to another user; choose another one with --data", .0.display())]
    Foreign(PathBuf),
    /// The computer refused something.
    #[error("{what} {}: {source}; check that the folder is yours and that the disk is not full", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The computer's answer.
        source: std::io::Error,
    },
    /// There is no home folder to keep things in.
    #[error("there is no home folder to keep Granary's data in; set HOME, or choose a folder with --data")]
    Homeless,
}

/// What the appliance that holds the lock tells about itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub(crate) pid: i32,
    pub(crate) socket: PathBuf,
}

/// Where Granary keeps its data unless told otherwise: `$XDG_DATA_HOME/granary`.
#[must_use]
pub fn default_data_dir() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "granary").map(|dirs| dirs.data_dir().to_owned())
}

/// The folder `data` or the default one, as an absolute path without links; it need not exist.
///
/// # Errors
/// When there is no home folder, or no current folder.
pub fn resolve(data: Option<&Path>) -> Result<PathBuf, FolderError> {
    let path = match data {
        Some(path) => path.to_owned(),
        None => default_data_dir().ok_or(FolderError::Homeless)?,
    };
    let path = std::path::absolute(&path).map_err(io("finding", &path))?;
    // Two ways to write one folder must not become two appliances on it. Parts that do not exist yet stay as they are.
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            let rest = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
            return Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) });
        }
    }
    Ok(path)
}

/// A locked data folder. The lock goes with the value, or with the process.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    lock: Flock<std::fs::File>,
}

impl Folder {
    /// Makes what is missing of the folder, makes it private, and locks it.
    pub(crate) fn open(root: &Path) -> Result<Self, FolderError> {
        private_folder(root)?;
        let root = root.canonicalize().map_err(io("finding", root))?;
        let lock = lock(&root)?;
        let folder = Self { root, lock };
        for path in [folder.apps(), folder.grains(), folder.root.join("tls")] {
            private_folder(&path)?;
        }
        Ok(folder)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("granary.db")
    }

    /// Unpacked packages.
    pub(crate) fn apps(&self) -> PathBuf {
        self.root.join("apps")
    }

    /// The grains' own folders.
    pub(crate) fn grains(&self) -> PathBuf {
        self.root.join("grains")
    }

    /// One grain's own folder.
    pub(crate) fn grain(&self, grain_id: &str) -> PathBuf {
        self.grains().join(grain_id)
    }

    /// Writes into the lock file how to reach the appliance that holds it.
    pub(crate) fn announce(&mut self, holder: &Holder) -> Result<(), FolderError> {
        let path = self.root.join(LOCK);
        let text = serde_json::to_vec(holder).map_err(|error| io("writing", &path)(error.into()))?;
        let file: &mut std::fs::File = &mut self.lock;
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text)).map_err(io("writing", &path))
    }
}

const LOCK: &str = "lock";

/// Who holds the lock of a data folder, or held it last.
pub(crate) fn holder(root: &Path) -> Option<Holder> {
    let mut text = Vec::new();
    let file = std::fs::File::open(root.join(LOCK)).ok()?;
    file.take(64 << 10).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn lock(root: &Path) -> Result<Flock<std::fs::File>, FolderError> {
    let path = root.join(LOCK);
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_CLOEXEC)
        .open(&path)
        .map_err(io("opening", &path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        nix::errno::Errno::EWOULDBLOCK => {
            FolderError::Busy { path: root.to_owned(), pid: holder(root).map(|holder| holder.pid) }
        }
        errno => io("locking", &path)(errno.into()),
    })
}

/// Makes a folder nobody else can look into, or makes an existing one of ours so.
fn private_folder(path: &Path) -> Result<(), FolderError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io("making", path))?;
    let metadata = std::fs::metadata(path).map_err(io("looking at", path))?;
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(FolderError::Foreign(path.to_owned()));
    }
    if metadata.mode() & 0o777 != 0o700 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
            .map_err(io("setting the permissions of", path))?;
    }
    Ok(())
}

/// Removes a tree, also one whose folders are not writable, as those of packages may be. Links are not followed.
pub(crate) fn remove_tree(path: &Path) -> std::io::Result<()> {
    let metadata = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if !metadata.is_dir() {
        return std::fs::remove_file(path);
    }
    if metadata.mode() & 0o700 != 0o700 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    for entry in std::fs::read_dir(path)? {
        remove_tree(&entry?.path())?;
    }
    std::fs::remove_dir(path)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io { what, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_appliance_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("a/b");
        let mut first = Folder::open(&root).unwrap();
        first.announce(&Holder { pid: 42, socket: "/x".into() }).unwrap();
        let error = Folder::open(&root).unwrap_err();
        assert!(matches!(error, FolderError::Busy { pid: Some(42), .. }), "{error}");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!([mode(&root), mode(&first.apps()), mode(&first.grains())], [0o700; 3]);
        drop(first);
        Folder::open(&root).unwrap();
    }

    #[test]
    fn an_open_folder_is_closed_to_others() {
        let parent = tempfile::tempdir().unwrap();
        std::fs::set_permissions(parent.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Folder::open(parent.path()).unwrap();
        assert_eq!(std::fs::metadata(parent.path()).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn one_folder_however_it_is_written() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path().canonicalize().unwrap();
        std::fs::create_dir(parent.join("real")).unwrap();
        std::os::unix::fs::symlink("real", parent.join("link")).unwrap();
        for (written, meant) in [
            ("real", "real"),
            ("link", "real"),
            ("link/new/er", "real/new/er"),
            ("real/../real/", "real"),
            ("none", "none"),
        ] {
            assert_eq!(resolve(Some(&parent.join(written))).unwrap(), parent.join(meant), "{written}");
        }
    }

    #[test]
    fn read_only_trees_are_removed_and_links_are_not_followed() {
        let parent = tempfile::tempdir().unwrap();
        let kept = parent.path().join("kept");
        std::fs::write(&kept, "kept").unwrap();
        let tree = parent.path().join("tree");
        std::fs::create_dir_all(tree.join("deep/er")).unwrap();
        std::fs::write(tree.join("deep/er/file"), "x").unwrap();
        std::os::unix::fs::symlink(&kept, tree.join("deep/link")).unwrap();
        for folder in ["deep/er", "deep", ""] {
            std::fs::set_permissions(tree.join(folder), std::fs::Permissions::from_mode(0o500)).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert_eq!(std::fs::read_to_string(kept).unwrap(), "kept");
        remove_tree(&tree).unwrap();
    }
}
