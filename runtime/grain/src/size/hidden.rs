//! Files that an app has deleted but keeps open: they take space and no walk shows them.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::sys::stat::fstat;

/// Bytes in deleted files on the disk of `root` which the processes of the sandbox with the init `pid` hold open.
pub(super) fn held_open(pid: u32, root: &OwnedFd) -> u64 {
    let Ok(disk) = fstat(root) else { return 0 };
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for process in sandbox_processes(pid) {
        let Ok(descriptors) = std::fs::read_dir(process.join("fd")) else { continue };
        for descriptor in descriptors.flatten() {
            // Follows the descriptor itself, not a name in the sandbox.
            let Ok(file) = std::fs::metadata(descriptor.path()) else { continue };
            if file.is_file() && file.nlink() == 0 && file.dev() == disk.st_dev && seen.insert(file.ino()) {
                bytes += file.blocks() * 512;
            }
        }
    }
    bytes
}

/// The processes in the same process namespace as `pid`.
fn sandbox_processes(pid: u32) -> Vec<PathBuf> {
    let Ok(own) = std::fs::read_link(format!("/proc/{pid}/ns/pid")) else { return Vec::new() };
    // A process of ours: the sandbox is gone and the number was given out again.
    if std::fs::read_link("/proc/self/ns/pid").is_ok_and(|ours| ours == own) {
        return Vec::new();
    }
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
        .map(|entry| entry.path())
        .filter(|process| std::fs::read_link(process.join("ns/pid")).is_ok_and(|namespace| namespace == own))
        .collect()
}
