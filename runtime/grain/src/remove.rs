//! Deletes a folder that an app has filled: no link is followed, no depth or mode stops it.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// What half-deleted folders are called.
const ASIDE: &str = ".deleting-";

/// The name a folder gets before it is deleted, unique enough beside others.
pub(crate) fn aside_name(id: &str) -> String {
    format!("{ASIDE}{id}-{}", std::process::id())
}

/// Deletes the folders in `grains` whose deletion was interrupted, and says how many there were.
///
/// # Errors
/// When the folder cannot be read or something in it cannot be deleted.
pub fn collect_leftovers(grains: &Path) -> io::Result<usize> {
    let mut count = 0;
    let entries = match std::fs::read_dir(grains) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(ASIDE) {
            remove_tree(&entry.path())?;
            count += 1;
        }
    }
    Ok(count)
}

/// Deletes `top` and all in it. No process that could change it may live.
///
/// Folders within are moved up into `top` before they are emptied, so that nesting costs neither stack nor
/// descriptors, and paths never grow.
pub(crate) fn remove_tree(top: &Path) -> io::Result<()> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    let root = match nix::fcntl::open(top, flags, Mode::empty()) {
        Ok(root) => root,
        Err(Errno::ENOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut moved = 0_u64;
    let mut waiting = empty(&root, &root, &mut moved)?;
    while let Some(name) = waiting.pop() {
        // Neither mode nor name of the app's choosing stops us: the folder is ours to open.
        make_accessible(&root, &name)?;
        let dir = openat(&root, name.as_c_str(), flags, Mode::empty())?;
        waiting.extend(empty(&root, &dir, &mut moved)?);
        unlinkat(&root, name.as_c_str(), UnlinkatFlags::RemoveDir)?;
    }
    drop(root);
    std::fs::remove_dir(top)
}

/// Deletes the files in `dir` and moves its folders into `root`; gives their new names.
fn empty(root: &OwnedFd, dir: &OwnedFd, moved: &mut u64) -> io::Result<Vec<CString>> {
    let mut folders = Vec::new();
    let is_root = std::ptr::eq(root, dir);
    // A reader of its own, so that `dir` keeps its position out of this.
    let mut entries = Dir::openat(dir, ".", OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let names: Vec<CString> =
        entries.iter().map(|entry| entry.map(|entry| entry.file_name().to_owned())).collect::<Result<_, _>>()?;
    for name in names {
        if matches!(name.as_bytes(), b"." | b"..") {
            continue;
        }
        match unlinkat(dir.as_fd(), name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => continue,
            // A folder: EISDIR on Linux, EPERM by POSIX.
            Err(Errno::EISDIR | Errno::EPERM) => {}
            Err(error) => return Err(error.into()),
        }
        // Moving a folder rewrites its "..", which needs permission to write in it.
        make_accessible(dir, &name)?;
        *moved += 1;
        let new = CString::new(format!(".{ASIDE}{moved}")).map_err(io::Error::other)?;
        if is_root {
            folders.push(name);
        } else {
            nix::fcntl::renameat(dir, name.as_c_str(), root, new.as_c_str())?;
            folders.push(new);
        }
    }
    Ok(folders)
}

fn make_accessible(dir: &OwnedFd, name: &CString) -> io::Result<()> {
    let stat = fstatat(dir, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR && stat.st_mode & 0o700 != 0o700 {
        // It is a folder and no process is left to swap it for a link, so following is no danger.
        fchmodat(dir, name.as_c_str(), Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn removes_what_an_app_can_make() {
        let top = tempfile::tempdir().unwrap();
        let keep = top.path().join("keep");
        std::fs::create_dir(&keep).unwrap();
        std::fs::write(keep.join("precious"), "x").unwrap();
        let grain = top.path().join("grain");
        std::fs::create_dir(&grain).unwrap();
        std::fs::write(grain.join("file"), "x").unwrap();
        symlink(&keep, grain.join("link")).unwrap();
        symlink("/nowhere/at/all", grain.join("dangling")).unwrap();
        // Deeper than any path may be long, and than there are descriptors.
        let mut dir = nix::fcntl::open(&grain, OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..3000 {
            nix::sys::stat::mkdirat(&dir, "deeper", Mode::S_IRWXU).unwrap();
            nix::unistd::symlinkat(&keep, &dir, "escape").unwrap();
            dir = openat(&dir, "deeper", OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        }
        let locked = grain.join("locked");
        std::fs::create_dir(&locked).unwrap();
        std::fs::write(locked.join("inside"), "x").unwrap();
        std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();

        remove_tree(&grain).unwrap();
        assert!(!grain.exists());
        assert!(keep.join("precious").exists());
        remove_tree(&grain).unwrap();
    }

    #[test]
    fn collects_leftovers() {
        let top = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(top.path().join(aside_name("abc")).join("var/x")).unwrap();
        std::fs::create_dir_all(top.path().join("abc/var")).unwrap();
        assert_eq!(collect_leftovers(top.path()).unwrap(), 1);
        assert_eq!(collect_leftovers(top.path()).unwrap(), 0);
        assert!(top.path().join("abc/var").exists());
        assert_eq!(collect_leftovers(&top.path().join("absent")).unwrap(), 0);
    }
}
