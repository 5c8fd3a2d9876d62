//! The id that a sandbox has outside, and who owns its /var.

use std::{io, os::fd::AsFd, path::Path};

pub use crate::protocol::OUTSIDE_ID;

use nix::{
    dir::Dir,
    fcntl::{AtFlags, OFlag},
    sys::stat::Mode,
    unistd::{Gid, Uid},
};

/// The user and group that sandboxes have outside: those of this process, but never root's.
#[must_use]
pub fn outside_ids() -> (u32, u32) {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    if uid.is_root() { (OUTSIDE_ID, OUTSIDE_ID) } else { (uid.as_raw(), gid.as_raw()) }
}

/// Gives a /var folder and all in it to the outside id, where that is not this process's own. Symbolic links are not
/// followed. Whoever creates or restores a grain's /var calls this before the first launch.
pub fn own_var(path: &Path) -> io::Result<()> {
    let (uid, gid) = outside_ids();
    if uid == Uid::effective().as_raw() {
        return Ok(());
    }
    let dir = Dir::open(path, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    own(dir, Uid::from_raw(uid), Gid::from_raw(gid))
}

fn own(mut dir: Dir, uid: Uid, gid: Gid) -> io::Result<()> {
    let mut below = Vec::new();
    let names: Vec<_> =
        dir.iter().map(|e| e.map(|e| (e.file_name().to_owned(), e.file_type()))).collect::<Result<_, _>>()?;
    for (name, kind) in names {
        if name.as_bytes() == b"." || name.as_bytes() == b".." {
            continue;
        }
        let folder = match kind {
            Some(kind) => kind == nix::dir::Type::Directory,
            None => true,
        };
        match Dir::openat(
            dir.as_fd(),
            name.as_c_str(),
            OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
            Mode::empty(),
        ) {
            Ok(child) if folder => below.push(child),
            _ => {
                nix::unistd::fchownat(
                    dir.as_fd(),
                    name.as_c_str(),
                    Some(uid),
                    Some(gid),
                    AtFlags::AT_SYMLINK_NOFOLLOW,
                )?;
            }
        }
    }
    nix::unistd::fchown(dir.as_fd(), Some(uid), Some(gid))?;
    below.into_iter().try_for_each(|child| own(child, uid, gid))
}
