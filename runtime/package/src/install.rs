//! Puts a package where the appliance runs it from, or anywhere a person wants it: whole, or not at all.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::tree::Tree;
use crate::unpack::{Aside, Permissions, add_device_places, is_free, lock, write_tree};
use crate::verify::{Checked, check};
use crate::{Error, Installed, Options, PackageId, Verified};

/// What the names of folders begin with that are still being written.
const ASIDE: &str = ".new-";

/// The folder that a package is installed in.
pub fn package_dir(apps: &Path, package: PackageId) -> PathBuf {
    apps.join(package.to_string())
}

/// Checks a package and installs it as `apps/<package id>`, ready to be mounted read-only. `apps` is made if it is
/// missing. A package that is there already is left as it is, so installing twice, or two at once, gives the same.
pub fn install(source: impl Read, apps: &Path, mut options: Options<'_>) -> Result<Installed, Error> {
    fs::create_dir_all(apps).map_err(Error::io("cannot make", apps))?;
    let scratch = options.scratch.unwrap_or(apps);
    let Checked { verified, container } = check(source, scratch, &mut options)?;
    let dir = package_dir(apps, verified.package_id);
    if !is_free(&dir) {
        return Ok(Installed { verified, dir, already: true });
    }
    let aside = Aside::new(apps, ASIDE)?;
    let tree = Tree::new(container.archive())?;
    write_tree(&tree, verified.unpacked_size, aside.path(), Permissions::Everyone, &mut options)?;
    add_device_places(aside.path())?;
    set_root_mode(aside.path())?;
    // The decompressed archive goes first, so that it need not reach the disk.
    drop(tree);
    drop(container);
    options.check_cancelled()?;
    // One call for all the files: each on its own would wait for the disk thousands of times.
    let folder = File::open(aside.path()).map_err(Error::io("cannot open", aside.path()))?;
    nix::unistd::syncfs(&folder).map_err(Error::nix("cannot bring to the disk", aside.path()))?;
    options.check_cancelled()?;
    let already = !aside.keep(&dir)?;
    // The name as well.
    File::open(apps).and_then(|folder| folder.sync_all()).map_err(Error::io("cannot bring to the disk", apps))?;
    Ok(Installed { verified, dir, already })
}

/// Checks a package and unpacks it as `target`, which must not be there yet.
pub fn unpack(source: impl Read, target: &Path, mut options: Options<'_>) -> Result<Verified, Error> {
    if !is_free(target) {
        return Err(Error::TargetExists(target.to_path_buf()));
    }
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let scratch = options.scratch.unwrap_or(parent);
    let Checked { verified, container } = check(source, scratch, &mut options)?;
    let aside = Aside::new(parent, ASIDE)?;
    let tree = Tree::new(container.archive())?;
    write_tree(&tree, verified.unpacked_size, aside.path(), Permissions::Umask, &mut options)?;
    options.check_cancelled()?;
    if aside.keep(target)? { Ok(verified) } else { Err(Error::TargetExists(target.to_path_buf())) }
}

/// Removes what interrupted installations left in `apps`, and says how many there were. One that is still going on,
/// in this process or another, is left alone.
pub fn collect_leftovers(apps: &Path) -> Result<usize, Error> {
    let entries = match fs::read_dir(apps) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Error::io("cannot read", apps)(error)),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry.map_err(Error::io("cannot read", apps))?;
        if !entry.file_name().as_encoded_bytes().starts_with(ASIDE.as_bytes()) {
            continue;
        }
        let path = entry.path();
        let Some(_lock) = File::open(&path).ok().and_then(|folder| lock(folder).ok()) else { continue };
        fs::remove_dir_all(&path).map_err(Error::io("cannot remove", &path))?;
        removed += 1;
    }
    Ok(removed)
}

/// Removes an installed package. Its name goes first, so that it is never half there.
pub fn remove(apps: &Path, package: PackageId) -> Result<(), Error> {
    let dir = package_dir(apps, package);
    let aside = Aside::new(apps, ASIDE)?;
    match fs::rename(&dir, aside.path().join("package")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("cannot remove", dir)(error)),
        _ => Ok(()),
    }
}

fn set_root_mode(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(Error::io("cannot set the mode of", path))
}
