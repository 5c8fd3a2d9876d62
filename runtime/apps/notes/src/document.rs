//! The note on disk: a snapshot and a journal of edits since, so that nothing typed is lost when the grain is killed.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::edit::{Edit, Misfit};

/// The longest text, in UTF-16 units.
pub const LONGEST: usize = 1 << 20;
/// How many edits are kept to bring a reconnecting page up to date; an older page gets the whole text.
const HISTORY: usize = 2000;
/// The journal is folded into the snapshot beyond this size.
const JOURNAL: u64 = 256 * 1024;

/// One edit as the journal and the pages know it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Change {
    /// The revision it leads to.
    pub rev: u64,
    /// What it changes.
    pub edit: Edit,
    /// The page that made it, by the random name the page gave itself.
    pub by: String,
    /// The page's own count of its edits, by which a repeated one is recognised.
    pub seq: u64,
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    rev: u64,
    text: String,
    /// Pages' last counts, so that a repeated edit is recognised after a restart too.
    #[serde(default)]
    seen: BTreeMap<String, u64>,
}

/// Why a change was refused.
#[derive(Debug)]
pub enum Refused {
    /// Made against a revision that is not known any more (or not yet).
    Unknown,
    /// Does not fit the text it was made against.
    Misfit,
    /// The note would become longer than [`LONGEST`].
    TooLong,
    /// The disk refused.
    Disk(io::Error),
}

impl From<Misfit> for Refused {
    fn from(_: Misfit) -> Self {
        Self::Misfit
    }
}

/// The note.
pub struct Document {
    folder: PathBuf,
    journal: File,
    journaled: u64,
    rev: u64,
    text: Vec<u16>,
    history: VecDeque<Change>,
    seen: BTreeMap<String, u64>,
}

impl Document {
    /// Opens the note in `folder`, or starts an empty one.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let snapshot = match fs::read(folder.join("note.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Snapshot { rev: 0, text: String::new(), seen: BTreeMap::new() }
            }
            Err(e) => return Err(e),
        };
        let path = folder.join("journal");
        let lines = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(e),
        };
        let mut document = Self {
            folder: folder.to_owned(),
            journal: OpenOptions::new().create(true).append(true).open(&path)?,
            journaled: 0,
            rev: snapshot.rev,
            text: snapshot.text.encode_utf16().collect(),
            history: VecDeque::new(),
            seen: snapshot.seen,
        };
        // A line that is not whole is the tail of a write that the machine did not survive; what follows it never existed.
        let mut whole = 0;
        for line in lines.split_inclusive(|b| *b == b'\n') {
            let Some(Ok(change)) = line.strip_suffix(b"\n").map(serde_json::from_slice::<Change>) else { break };
            if change.rev > document.rev {
                let Ok(text) = change.edit.apply(&document.text) else { break };
                document.text = text;
                document.accept(change);
            }
            whole += line.len() as u64;
        }
        document.journal.set_len(whole)?;
        document.journaled = whole;
        Ok(document)
    }

    /// The revision of the text.
    pub fn rev(&self) -> u64 {
        self.rev
    }

    /// The text.
    pub fn text(&self) -> String {
        String::from_utf16_lossy(&self.text)
    }

    /// The changes after `rev`; `None` when they are not all known any more.
    pub fn since(&self, rev: u64) -> Option<impl Iterator<Item = &Change>> {
        let missing = usize::try_from(self.rev.checked_sub(rev)?).ok()?;
        let start = self.history.len().checked_sub(missing)?;
        Some(self.history.range(start..))
    }

    /// The count of the last edit that the page `by` made.
    pub fn seen(&self, by: &str) -> u64 {
        self.seen.get(by).copied().unwrap_or(0)
    }

    /// Merges an edit made against revision `rev`; the change as everybody must see it, or `None` for a repeated one.
    pub fn change(&mut self, rev: u64, edit: Edit, by: &str, seq: u64) -> Result<Option<Change>, Refused> {
        if seq <= self.seen(by) {
            return Ok(None);
        }
        let mut edit = edit;
        for newer in self.since(rev).ok_or(Refused::Unknown)? {
            // The earlier one was there first, so its text stands first where both inserted at one place.
            edit = newer.edit.transform(&edit)?.1;
        }
        let text = edit.apply(&self.text)?;
        if text.len() > LONGEST {
            return Err(Refused::TooLong);
        }
        let change = Change { rev: self.rev + 1, edit, by: by.to_owned(), seq };
        self.append(&change).map_err(Refused::Disk)?;
        self.text = text;
        self.accept(change.clone());
        if self.journaled > JOURNAL {
            self.fold().map_err(Refused::Disk)?;
        }
        Ok(Some(change))
    }

    fn append(&mut self, change: &Change) -> io::Result<()> {
        let mut line = serde_json::to_vec(change)?;
        line.push(b'\n');
        if let Err(e) = self.journal.write_all(&line) {
            // Half a line must not stay in front of later ones.
            self.journal.set_len(self.journaled)?;
            return Err(e);
        }
        self.journaled += line.len() as u64;
        Ok(())
    }

    fn accept(&mut self, change: Change) {
        self.rev = change.rev;
        self.seen.insert(change.by.clone(), change.seq);
        // Each page that was ever open has an entry; a note opened ten thousand times forgets the oldest names.
        while self.seen.len() > 10_000 {
            self.seen.pop_first();
        }
        self.history.push_back(change);
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    /// Brings the journal safely to the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.journal.sync_data()
    }

    /// Writes a new snapshot aside, makes it the note, and starts the journal anew.
    fn fold(&mut self) -> io::Result<()> {
        let snapshot = Snapshot { rev: self.rev, text: self.text(), seen: self.seen.clone() };
        let aside = self.folder.join("note.json.new");
        let mut file = File::create(&aside)?;
        file.write_all(&serde_json::to_vec(&snapshot)?)?;
        file.sync_all()?;
        fs::rename(&aside, self.folder.join("note.json"))?;
        File::open(&self.folder)?.sync_all()?;
        // Lines of the old journal that survive a crash here are older than the snapshot and passed over.
        self.journal.set_len(0)?;
        self.journaled = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::{Document, Refused};
    use crate::edit::Edit;

    fn edit(json: &str) -> Edit {
        serde_json::from_str(json).expect("an edit")
    }

    #[test]
    fn a_note_survives_being_killed_at_any_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut note = Document::open(folder.path()).expect("a new note");
        note.change(0, edit(r#"["hello"]"#), "a", 1).expect("fits");
        note.change(1, edit(r#"[5," world"]"#), "a", 2).expect("fits");
        drop(note);
        // The machine stopped in the middle of a line.
        let mut journal = fs::OpenOptions::new().append(true).open(folder.path().join("journal")).expect("the journal");
        journal.write_all(br#"{"rev":3,"edit":["lo"#).expect("written");
        let mut note = Document::open(folder.path()).expect("the note");
        assert_eq!((note.text().as_str(), note.rev()), ("hello world", 2));
        note.change(2, edit(r#"[11,"!"]"#), "b", 1).expect("fits");
        let note = Document::open(folder.path()).expect("the note");
        assert_eq!((note.text().as_str(), note.rev()), ("hello world!", 3));
    }

    #[test]
    fn concurrent_edits_merge_and_repeated_ones_count_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut note = Document::open(folder.path()).expect("a new note");
        note.change(0, edit(r#"["ab"]"#), "a", 1).expect("fits");
        note.change(1, edit(r#"["1",2]"#), "a", 2).expect("fits");
        let merged = note.change(1, edit(r#"[2,"2"]"#), "b", 1).expect("fits").expect("new");
        assert_eq!((note.text().as_str(), merged.rev), ("1ab2", 3));
        assert!(note.change(1, edit(r#"[2,"2"]"#), "b", 1).expect("known").is_none());
        assert_eq!(note.text(), "1ab2");
        assert!(matches!(note.change(9, edit("[4]"), "b", 2), Err(Refused::Unknown)));
        assert!(matches!(note.change(3, edit("[5]"), "b", 2), Err(Refused::Misfit)));
    }

    #[test]
    fn the_journal_is_folded_and_the_note_stays_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut note = Document::open(folder.path()).expect("a new note");
        let long = "x".repeat(1000);
        for i in 0..400 {
            let kept = if i == 0 { String::new() } else { format!("{},", i * 1000) };
            note.change(i, edit(&format!("[{kept}\"{long}\"]")), "a", i + 1).expect("fits");
        }
        assert!(fs::metadata(folder.path().join("journal")).expect("the journal").len() < 300 * 1024);
        let again = Document::open(folder.path()).expect("the note");
        assert_eq!((again.text().len(), again.rev(), again.seen("a")), (400_000, 400, 400));
        assert!(matches!(
            note.change(400, edit(&format!("[400000,\"{}\"]", "y".repeat(700_000))), "a", 401),
            Err(Refused::TooLong)
        ));
    }
}
