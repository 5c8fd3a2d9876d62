//! Windows of the desktop: where they stood, and which are to be there again.

use rusqlite::Row;

use crate::Result;
use crate::model::Window;
use crate::read::Read;
use crate::write::Write;

/// How many are remembered.
pub const WINDOWS: usize = 2000;

impl Read<'_> {
    /// All of them, the last written first.
    pub fn windows(&self) -> Result<Vec<Window>> {
        self.all(
            "SELECT window_id, grain_id, open, place, updated FROM windows ORDER BY updated DESC, window_id",
            [],
            window,
        )
    }

    /// One of them.
    pub fn window(&self, window_id: &str) -> Result<Option<Window>> {
        self.first(
            "SELECT window_id, grain_id, open, place, updated FROM windows WHERE window_id = ?1",
            [window_id],
            window,
        )
    }
}

impl Write<'_> {
    /// Remembers a window, in place of what was known of it. The longest unchanged go when there are more than
    /// [`WINDOWS`], closed ones first.
    pub fn put_window(&self, window: &Window) -> Result<()> {
        self.execute(
            "INSERT INTO windows (window_id, grain_id, open, place, updated) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (window_id) DO UPDATE SET
                grain_id = excluded.grain_id, open = excluded.open, place = excluded.place, updated = excluded.updated",
            (&window.window_id, &window.grain_id, window.open, &window.place, window.updated),
        )?;
        self.execute(
            "DELETE FROM windows WHERE window_id IN
                (SELECT window_id FROM windows ORDER BY open DESC, updated DESC, window_id LIMIT -1 OFFSET ?1)",
            [i64::try_from(WINDOWS).unwrap_or(i64::MAX)],
        )?;
        Ok(())
    }

    /// Forgets a window.
    pub fn remove_window(&self, window_id: &str) -> Result<bool> {
        Ok(self.execute("DELETE FROM windows WHERE window_id = ?1", [window_id])? > 0)
    }
}

fn window(row: &Row<'_>) -> rusqlite::Result<Window> {
    Ok(Window {
        window_id: row.get("window_id")?,
        grain_id: row.get("grain_id")?,
        open: row.get("open")?,
        place: row.get("place")?,
        updated: row.get("updated")?,
    })
}
