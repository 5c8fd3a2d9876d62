//! The files on disk: whole or not there, never half; deleted ones can be brought back for thirty days.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use nix::fcntl::{RenameFlags, renameat2};
use serde::Serialize;

/// The longest name, in bytes: what file systems allow, less room for " (999)".
const LONGEST_NAME: usize = 240;
/// How long a deleted file is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// One file as the page lists it.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Entry {
    name: String,
    /// Bytes.
    size: u64,
    /// Milliseconds since the Unix epoch.
    modified: u64,
}

/// Why something was refused; a sentence for the person.
#[derive(Debug)]
pub enum Problem {
    /// No such file.
    Missing,
    /// The name is not possible.
    Name(&'static str),
    /// Another file has the name.
    Taken,
    /// The disk refused.
    Disk(io::Error),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("This file is not here any more."),
            Self::Name(why) => f.write_str(why),
            Self::Taken => f.write_str("Another file has this name. Choose a different one."),
            Self::Disk(e) if e.kind() == io::ErrorKind::StorageFull => {
                f.write_str("There is no room left on this computer's disk. Free some and try again.")
            }
            Self::Disk(_) => f.write_str("The disk refused. The grain's log says more."),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(e: io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::AlreadyExists => Self::Taken,
            _ => Self::Disk(e),
        }
    }
}

impl From<nix::Error> for Problem {
    fn from(e: nix::Error) -> Self {
        io::Error::from(e).into()
    }
}

/// The grain's files.
pub struct Shelf {
    files: PathBuf,
    incoming: PathBuf,
    trash: PathBuf,
    next: u64,
}

fn check(name: &str) -> Result<(), Problem> {
    match name {
        "" => Err(Problem::Name("A file needs a name.")),
        "." | ".." => Err(Problem::Name("A file cannot have this name.")),
        _ if name.contains(['/', '\0']) || name.chars().any(char::is_control) => {
            Err(Problem::Name("A name cannot contain a slash or control characters."))
        }
        _ if name.len() > LONGEST_NAME => Err(Problem::Name("This name is too long.")),
        _ => Ok(()),
    }
}

/// "name.ending" as "name (2).ending".
fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => format!("{stem} ({number}).{ending}"),
        _ => format!("{name} ({number})"),
    }
}

/// Renames without ever replacing.
fn place(from: &Path, to: &Path) -> Result<(), Problem> {
    Ok(renameat2(nix::fcntl::AT_FDCWD, from, nix::fcntl::AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE).or_else(|e| {
        match e {
            // Old kernels and policies do not know the call: a hard link refuses to replace as well.
            nix::Error::ENOSYS | nix::Error::EINVAL => fs::hard_link(from, to)
                .and_then(|()| fs::remove_file(from))
                .map_err(|e| nix::Error::from_raw(e.raw_os_error().unwrap_or(nix::libc::EIO))),
            other => Err(other),
        }
    })?)
}

/// Renames to `name` in `folder`, or to the first free " (2)", " (3)" ... of it; the name taken.
fn place_free(from: &Path, folder: &Path, name: &str) -> Result<String, Problem> {
    for number in 1..1000 {
        let candidate = if number == 1 { name.to_owned() } else { numbered(name, number) };
        match place(from, &folder.join(&candidate)) {
            Err(Problem::Taken) => {}
            placed => return placed.map(|()| candidate),
        }
    }
    Err(Problem::Taken)
}

impl Shelf {
    /// Opens the box in `folder`, drops uploads that were never finished and what was deleted long ago.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let shelf = Self {
            files: folder.join("files"),
            incoming: folder.join("incoming"),
            trash: folder.join("trash"),
            next: 0,
        };
        if shelf.incoming.exists() {
            fs::remove_dir_all(&shelf.incoming)?;
        }
        for dir in [&shelf.files, &shelf.incoming, &shelf.trash] {
            fs::create_dir_all(dir)?;
        }
        for old in fs::read_dir(&shelf.trash)? {
            let old = old?;
            if old.metadata()?.ctime_age() > KEPT {
                fs::remove_file(old.path())?;
            }
        }
        Ok(shelf)
    }

    /// Every file, by name.
    pub fn list(&self) -> Result<Vec<Entry>, Problem> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.files)? {
            let file = file?;
            let about = file.metadata()?;
            let modified = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            entries.push(Entry {
                name: file.file_name().to_string_lossy().into_owned(),
                size: about.len(),
                modified: u64::try_from(modified.as_millis()).unwrap_or(u64::MAX),
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// The file called `name`: opened, its size, and a tag that changes with its content.
    pub fn read(&self, name: &str) -> Result<(File, u64, String), Problem> {
        check(name)?;
        let file = File::open(self.files.join(name))?;
        let about = file.metadata()?;
        let tag = format!("{:x}-{:x}-{:x}.{:x}", about.ino(), about.len(), about.mtime(), about.mtime_nsec());
        Ok((file, about.len(), tag))
    }

    /// Starts to take a file called `name`; it appears when it is whole.
    pub fn receive(&mut self, name: &str) -> Result<Incoming, Problem> {
        check(name)?;
        self.next += 1;
        let path = self.incoming.join(self.next.to_string());
        let file = File::create_new(&path)?;
        Ok(Incoming { file, path, folder: self.files.clone(), name: name.to_owned() })
    }

    /// Renames; never replaces another file.
    pub fn rename(&self, name: &str, to: &str) -> Result<String, Problem> {
        check(name)?;
        check(to)?;
        place(&self.files.join(name), &self.files.join(to))?;
        Ok(to.to_owned())
    }

    /// Moves a file away; the answer brings it back.
    pub fn delete(&mut self, name: &str) -> Result<String, Problem> {
        check(name)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.next += 1;
        let id = format!("{now}.{}.{name}", self.next);
        fs::rename(self.files.join(name), self.trash.join(&id))?;
        Ok(id)
    }

    /// Brings a deleted file back; its name may have got a number meanwhile.
    pub fn restore(&self, id: &str) -> Result<String, Problem> {
        check(id.get(..id.len().min(LONGEST_NAME)).unwrap_or("/"))?;
        let name = id.splitn(3, '.').nth(2).ok_or(Problem::Missing)?;
        check(name)?;
        place_free(&self.trash.join(id), &self.files, name)
    }
}

trait Age {
    fn ctime_age(&self) -> Duration;
}

impl Age for fs::Metadata {
    /// Since the file was moved, which is what changes its ctime.
    fn ctime_age(&self) -> Duration {
        let changed = UNIX_EPOCH + Duration::from_secs(u64::try_from(self.ctime()).unwrap_or(0));
        SystemTime::now().duration_since(changed).unwrap_or_default()
    }
}

/// A file that is being uploaded; gone when dropped before [`Incoming::finish`].
pub struct Incoming {
    file: File,
    path: PathBuf,
    folder: PathBuf,
    name: String,
}

impl Incoming {
    /// Refuses early what cannot fit.
    pub fn reserve(&mut self, size: u64) -> Result<(), Problem> {
        let disk = nix::sys::statvfs::statvfs(self.folder.as_path())?;
        if size > disk.blocks_available() * disk.fragment_size() {
            return Err(Problem::Disk(io::ErrorKind::StorageFull.into()));
        }
        Ok(())
    }

    /// The next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        Ok(self.file.write_all(bytes)?)
    }

    /// The file is whole: it appears under its name, or under a numbered one when that is taken.
    pub fn finish(self) -> Result<String, Problem> {
        self.file.sync_all()?;
        place_free(&self.path, &self.folder, &self.name)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name any more.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read};

    use super::{Problem, Shelf, numbered};

    fn add(shelf: &mut Shelf, name: &str, bytes: &[u8]) -> String {
        let mut incoming = shelf.receive(name).expect("a good name");
        incoming.write(bytes).expect("written");
        incoming.finish().expect("placed")
    }

    fn names(shelf: &Shelf) -> Vec<String> {
        shelf.list().expect("a list").into_iter().map(|e| e.name).collect()
    }

    #[test]
    fn nothing_replaces_and_nothing_half_done_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut shelf = Shelf::open(folder.path()).expect("a new box");
        assert_eq!(add(&mut shelf, "a.txt", b"1"), "a.txt");
        assert_eq!(add(&mut shelf, "a.txt", b"2"), "a (2).txt");
        let mut given_up = shelf.receive("b.txt").expect("a good name");
        given_up.write(b"half").expect("written");
        drop(given_up);
        assert_eq!(names(&shelf), ["a (2).txt", "a.txt"]);
        assert_eq!(fs::read_dir(folder.path().join("incoming")).expect("a folder").count(), 0);
        assert!(matches!(shelf.rename("a.txt", "a (2).txt"), Err(Problem::Taken)));
        assert!(matches!(shelf.rename("c", "d"), Err(Problem::Missing)));
        shelf.rename("a.txt", "c").expect("free");
        let mut text = String::new();
        shelf.read("c").expect("there").0.read_to_string(&mut text).expect("text");
        assert_eq!(text, "1");
    }

    #[test]
    fn deleted_files_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut shelf = Shelf::open(folder.path()).expect("a new box");
        add(&mut shelf, "a.b.txt", b"1");
        let id = shelf.delete("a.b.txt").expect("there");
        assert_eq!(names(&shelf), [""; 0]);
        add(&mut shelf, "a.b.txt", b"2");
        assert_eq!(shelf.restore(&id).expect("kept"), "a.b (2).txt");
        assert!(matches!(shelf.restore(&id), Err(Problem::Missing)));
        assert!(matches!(shelf.restore("../files/a.b.txt"), Err(Problem::Name(_))));
    }

    #[test]
    fn impossible_names_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut shelf = Shelf::open(folder.path()).expect("a new box");
        for name in ["", ".", "..", "a/b", "../x", "a\0", "a\nb", &"x".repeat(241)] {
            assert!(matches!(shelf.receive(name), Err(Problem::Name(_))), "{name:?}");
            assert!(matches!(shelf.read(name), Err(Problem::Name(_))), "{name:?}");
        }
    }

    #[test]
    fn numbers_go_before_the_ending() {
        for (name, expected) in
            [("a.txt", "a (2).txt"), ("a", "a (2)"), (".hidden", ".hidden (2)"), ("a.tar.gz", "a.tar (2).gz")]
        {
            assert_eq!(numbered(name, 2), expected);
        }
    }
}
