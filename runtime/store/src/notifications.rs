//! What happened while nobody looked: a list that never grows beyond a bound.

use rusqlite::{Row, named_params};

use crate::Result;
use crate::model::{NewNotification, Notification, Severity};
use crate::read::{Read, from_json};
use crate::write::{Write, to_json};

/// How many are kept.
pub const NOTIFICATIONS: usize = 300;

const NOTIFICATION: &str =
    "SELECT notification_id, code, severity, title, text, remedy, details, grain_id, app_id, created, times, read
     FROM notifications";

impl Read<'_> {
    /// All of them, the latest first.
    pub fn notifications(&self) -> Result<Vec<Notification>> {
        self.all(&format!("{NOTIFICATION} ORDER BY created DESC, notification_id DESC"), [], notification)
    }

    /// One of them.
    pub fn notification(&self, id: i64) -> Result<Option<Notification>> {
        self.first(&format!("{NOTIFICATION} WHERE notification_id = ?1"), [id], notification)
    }

    /// How many nobody has read.
    pub fn unread_notifications(&self) -> Result<u64> {
        let count: Option<i64> =
            self.first("SELECT count(*) FROM notifications WHERE read IS NULL", [], |row| row.get(0))?;
        Ok(count.unwrap_or(0).max(0).cast_unsigned())
    }
}

impl Write<'_> {
    /// Adds one. The same about the same thing that nobody has read yet is told again in its place, with the number of
    /// times. The oldest go when there are more than [`NOTIFICATIONS`].
    pub fn notify(&self, what: &NewNotification, now: i64) -> Result<Notification> {
        let unread: Option<i64> = self.first(
            "SELECT notification_id FROM notifications
             WHERE read IS NULL AND code = ?1 AND grain_id IS ?2 AND app_id IS ?3
             ORDER BY notification_id DESC LIMIT 1",
            (&what.code, &what.grain_id, &what.app_id),
            |row| row.get(0),
        )?;
        let id: Option<i64> = self.first(
            "INSERT INTO notifications
                (notification_id, code, severity, title, text, remedy, details, grain_id, app_id, created, times)
             VALUES (:id, :code, :severity, :title, :text, :remedy, :details, :grain_id, :app_id, :created, 1)
             ON CONFLICT (notification_id) DO UPDATE SET
                severity = excluded.severity, title = excluded.title, text = excluded.text, remedy = excluded.remedy,
                details = excluded.details, created = excluded.created, times = times + 1
             RETURNING notification_id",
            named_params! {
                ":id": unread,
                ":code": what.code,
                ":severity": what.severity.as_str(),
                ":title": what.title,
                ":text": what.text,
                ":remedy": what.remedy,
                ":details": to_json(&what.details),
                ":grain_id": what.grain_id,
                ":app_id": what.app_id,
                ":created": now,
            },
            |row| row.get(0),
        )?;
        self.execute(
            "DELETE FROM notifications WHERE notification_id IN
                (SELECT notification_id FROM notifications ORDER BY created DESC, notification_id DESC
                 LIMIT -1 OFFSET ?1)",
            [i64::try_from(NOTIFICATIONS).unwrap_or(i64::MAX)],
        )?;
        let stored = id.map(|id| self.notification(id)).transpose()?.flatten();
        // A clock that was set back makes the new one the oldest, which is gone already.
        Ok(stored.unwrap_or_else(|| Notification {
            notification_id: id.unwrap_or_default(),
            what: what.clone(),
            created: now,
            times: 1,
            read: None,
        }))
    }

    /// Marks one as read; false when there is none of that id, or it was read before.
    pub fn set_notification_read(&self, id: i64, now: i64) -> Result<bool> {
        Ok(self.execute("UPDATE notifications SET read = ?2 WHERE notification_id = ?1 AND read IS NULL", [id, now])?
            > 0)
    }

    /// Marks all as read that are there, up to and including `last`. Gives how many that changed.
    pub fn set_notifications_read(&self, last: i64, now: i64) -> Result<usize> {
        self.execute("UPDATE notifications SET read = ?2 WHERE notification_id <= ?1 AND read IS NULL", [last, now])
    }

    /// Takes one off the list.
    pub fn remove_notification(&self, id: i64) -> Result<bool> {
        Ok(self.execute("DELETE FROM notifications WHERE notification_id = ?1", [id])? > 0)
    }

    /// Takes all off the list.
    pub fn remove_notifications(&self) -> Result<usize> {
        self.execute("DELETE FROM notifications", [])
    }
}

fn notification(row: &Row<'_>) -> rusqlite::Result<Notification> {
    let severity: String = row.get("severity")?;
    Ok(Notification {
        notification_id: row.get("notification_id")?,
        what: NewNotification {
            code: row.get("code")?,
            // The table admits no other.
            severity: Severity::parse(&severity).unwrap_or(Severity::Info),
            title: row.get("title")?,
            text: row.get("text")?,
            remedy: row.get("remedy")?,
            details: from_json(row, "details")?,
            grain_id: row.get("grain_id")?,
            app_id: row.get("app_id")?,
        },
        created: row.get("created")?,
        times: row.get("times")?,
        read: row.get("read")?,
    })
}
