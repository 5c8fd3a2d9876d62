//! Finds out before packing whether a command will find its program inside the package.

use std::fs::File;
use std::io::Read as _;

use super::tree::{Node, Source, SourceTree, lossy};
use crate::Error;

/// More links in a row are a circle.
const LINK_LIMIT: usize = 40;
/// As much of a program as says which interpreter it wants.
const HEAD: u64 = 4096;

/// Checks that `program`, searched as `execvp` does, is in the tree and that its interpreter or dynamic loader is too.
pub(crate) fn check(tree: &SourceTree, program: &str, path: &str) -> Result<(), Error> {
    let candidates: Vec<String> = if program.contains('/') {
        vec![program.to_owned()]
    } else {
        path.split(':').map(|folder| format!("{folder}/{program}")).collect()
    };
    let Some((place, node)) = candidates.iter().find_map(|place| Some((place, resolve(tree, place)?))) else {
        return Err(Error::Pack(format!(
            "{program} is not in the folder to pack (looked for {}); an app sees nothing but its package, so copy the \
             program and all it needs there",
            candidates.join(", ")
        )));
    };
    let Node::File { source, executable, .. } = node else {
        return Err(Error::Pack(format!("{place} in the folder to pack is a folder, not a program")));
    };
    if !executable {
        return Err(Error::Pack(format!("{place} in the folder to pack is not executable; run chmod +x on it")));
    }
    let Some(interpreter) = interpreter(&head(source)?) else { return Ok(()) };
    if resolve(tree, &interpreter).is_none() {
        return Err(Error::Pack(format!(
            "{place} needs {interpreter}, which is not in the folder to pack; copy it and the libraries there, or link \
             the program statically"
        )));
    }
    Ok(())
}

/// The entry at a path, symbolic links followed as inside the sandbox, where the tree is the root.
fn resolve<'a>(tree: &'a SourceTree, path: &str) -> Option<&'a Node> {
    let mut left: Vec<Vec<u8>> = split(path.as_bytes());
    let mut folders = vec![tree];
    let mut links = 0;
    let mut found = None;
    while let Some(name) = left.pop() {
        found = None;
        match name.as_slice() {
            b"." => continue,
            b".." => {
                if folders.len() > 1 {
                    folders.pop();
                }
                continue;
            }
            _ => {}
        }
        let node = folders.last()?.entries.get(&name)?;
        match node {
            Node::Folder { tree, .. } => folders.push(tree),
            Node::File { .. } if left.is_empty() => {}
            Node::File { .. } => return None,
            Node::Symlink { target, .. } => {
                links += 1;
                if links > LINK_LIMIT {
                    return None;
                }
                if target.starts_with(b"/") {
                    folders.truncate(1);
                }
                left.extend(split(target));
                continue;
            }
        }
        found = Some(node);
    }
    found
}

/// The names of a path, last one first.
fn split(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).rev().map(<[u8]>::to_vec).collect()
}

fn head(source: &Source) -> Result<Vec<u8>, Error> {
    match source {
        Source::Bytes(bytes) => Ok(bytes.clone()),
        Source::File { path, .. } => {
            let mut head = Vec::new();
            let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
            read.map_err(Error::io("cannot read", path))?;
            Ok(head)
        }
    }
}

/// The program that the kernel starts in place of this one: of a script, or the loader of a dynamic ELF program.
fn interpreter(head: &[u8]) -> Option<String> {
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|&byte| byte == b'\n').next()?;
        return lossy(line).split_whitespace().next().map(ToOwned::to_owned);
    }
    let number = |at: usize, length: usize| -> Option<usize> {
        let bytes = head.get(at..at.checked_add(length)?)?;
        bytes.iter().rev().try_fold(0_usize, |number, &byte| number.checked_mul(256)?.checked_add(usize::from(byte)))
    };
    // 64-bit, little endian.
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    const PT_INTERP: usize = 3;
    let (table, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    let header = (0..count).map(|index| table + index * size).find(|&at| number(at, 4) == Some(PT_INTERP))?;
    let (start, length) = (number(header + 8, 8)?, number(header + 32, 8)?);
    let path = head.get(start..start.checked_add(length)?)?;
    Some(lossy(path.split(|&byte| byte == 0).next()?))
}
