//! The changes; each is meant to be combined with others in one transaction.

use std::ops::Deref;

use rusqlite::{Connection, named_params};
use serde::Serialize;

use crate::model::{Grain, Icon, IconKind, Package};
use crate::read::Read;
use crate::{Error, Result};

/// An open transaction; reads inside it see what it wrote.
#[derive(Debug)]
pub struct Write<'a> {
    connection: &'a Connection,
    read: Read<'a>,
}

impl<'a> Deref for Write<'a> {
    type Target = Read<'a>;

    fn deref(&self) -> &Self::Target {
        &self.read
    }
}

impl<'a> Write<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self { connection, read: Read::new(connection) }
    }

    /// Records a package whose files are in place, replacing an earlier record of the same package.
    pub fn put_package(&self, package: &Package, icons: &[(IconKind, Icon)]) -> Result<()> {
        self.execute(
            "INSERT INTO packages (package_id, app_id, app_version, title, marketing_version, short_description,
                author_fingerprint, author_name, unpacked_size, continue_command, installed, texts)
             VALUES (:package_id, :app_id, :app_version, :title, :marketing_version, :short_description,
                :author_fingerprint, :author_name, :unpacked_size, :continue_command, :installed, :texts)
             ON CONFLICT (package_id) DO UPDATE SET
                app_id = excluded.app_id, app_version = excluded.app_version, title = excluded.title,
                marketing_version = excluded.marketing_version, short_description = excluded.short_description,
                author_fingerprint = excluded.author_fingerprint, author_name = excluded.author_name,
                unpacked_size = excluded.unpacked_size, continue_command = excluded.continue_command,
                texts = excluded.texts",
            named_params! {
                ":package_id": package.package_id,
                ":app_id": package.app_id,
                ":app_version": package.app_version,
                ":title": package.title,
                ":marketing_version": package.marketing_version,
                ":short_description": package.short_description,
                ":author_fingerprint": package.author_fingerprint,
                ":author_name": package.author_name,
                ":unpacked_size": signed(package.unpacked_size),
                ":continue_command": to_json(&package.continue_command),
                ":installed": package.installed,
                ":texts": package.texts,
            },
        )?;
        self.execute("DELETE FROM actions WHERE package_id = ?1", [&package.package_id])?;
        for (position, action) in (0_i64..).zip(&package.actions) {
            self.execute(
                "INSERT INTO actions (package_id, position, title, noun_phrase, description, command)
                 VALUES (:package_id, :position, :title, :noun_phrase, :description, :command)",
                named_params! {
                    ":package_id": package.package_id,
                    ":position": position,
                    ":title": action.title,
                    ":noun_phrase": action.noun_phrase,
                    ":description": action.description,
                    ":command": to_json(&action.command),
                },
            )?;
        }
        self.execute("DELETE FROM icons WHERE package_id = ?1", [&package.package_id])?;
        for (kind, icon) in icons {
            self.execute(
                "INSERT INTO icons (package_id, kind, media_type, image) VALUES (?1, ?2, ?3, ?4)",
                (&package.package_id, kind.as_str(), &icon.media_type, &icon.image),
            )?;
        }
        Ok(())
    }

    /// Notes what a package says in other languages.
    pub fn set_package_texts(&self, package_id: &str, texts: &str) -> Result<()> {
        self.execute("UPDATE packages SET texts = ?2 WHERE package_id = ?1", [package_id, texts])?;
        Ok(())
    }

    /// Makes `package_id` the package that new grains of its app are made from.
    pub fn put_app(&self, app_id: &str, package_id: &str, starter: bool, now: i64) -> Result<()> {
        self.execute(
            "INSERT INTO apps (app_id, package_id, starter, installed) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (app_id) DO UPDATE SET package_id = excluded.package_id, starter = excluded.starter",
            (app_id, package_id, starter, now),
        )?;
        Ok(())
    }

    /// Moves the app's grains that run from another package, of no higher version, to this one. Returns their ids.
    pub fn upgrade_grains(&self, package: &Package) -> Result<Vec<String>> {
        self.all(
            "UPDATE grains SET package_id = ?2, app_version = ?3
             WHERE app_id = ?1 AND package_id <> ?2 AND app_version <= ?3
             RETURNING grain_id",
            (&package.app_id, &package.package_id, package.app_version),
            |row| row.get(0),
        )
    }

    /// Takes an app off the list; its grains and the packages they need stay. Returns whether it was there.
    pub fn remove_app(&self, app_id: &str) -> Result<bool> {
        Ok(self.execute("DELETE FROM apps WHERE app_id = ?1", [app_id])? > 0)
    }

    /// Forgets a package nothing refers to.
    pub fn remove_package(&self, package_id: &str) -> Result<()> {
        self.execute("DELETE FROM packages WHERE package_id = ?1", [package_id])?;
        Ok(())
    }

    /// Adds a grain. `app_title` is not stored.
    pub fn add_grain(&self, grain: &Grain) -> Result<()> {
        self.execute(
            "INSERT INTO grains (grain_id, title, app_id, package_id, app_version, owner_identity, created, last_used,
                size, trashed, opened)
             VALUES (:grain_id, :title, :app_id, :package_id, :app_version, :owner_identity, :created, :last_used,
                :size, :trashed, :opened)",
            named_params! {
                ":grain_id": grain.grain_id,
                ":title": grain.title,
                ":app_id": grain.app_id,
                ":package_id": grain.package_id,
                ":app_version": grain.app_version,
                ":owner_identity": grain.owner_identity,
                ":created": grain.created,
                ":last_used": grain.last_used,
                ":size": signed(grain.size),
                ":trashed": grain.trashed,
                ":opened": grain.opened,
            },
        )?;
        Ok(())
    }

    /// Renames a grain; false when there is none of that id, as for the next ones.
    pub fn set_grain_title(&self, grain_id: &str, title: &str) -> Result<bool> {
        Ok(self.execute("UPDATE grains SET title = ?2 WHERE grain_id = ?1", (grain_id, title))? > 0)
    }

    /// Throws a grain away at a time, or takes it back out with `None`. The first time stays when it is thrown away twice.
    pub fn set_grain_trashed(&self, grain_id: &str, when: Option<i64>) -> Result<bool> {
        let changed = self.execute(
            "UPDATE grains SET trashed = CASE WHEN ?2 IS NULL THEN NULL ELSE coalesce(trashed, ?2) END
             WHERE grain_id = ?1",
            (grain_id, when),
        )?;
        Ok(changed > 0)
    }

    /// Notes that a grain was used; an earlier time than the one known changes nothing.
    pub fn set_grain_used(&self, grain_id: &str, when: i64) -> Result<bool> {
        let changed =
            self.execute("UPDATE grains SET last_used = max(last_used, ?2) WHERE grain_id = ?1", (grain_id, when))?;
        Ok(changed > 0)
    }

    /// Notes that somebody looks into a grain, which counts as a use. Gives whether that is the first time.
    pub fn set_grain_opened(&self, grain_id: &str, when: i64) -> Result<bool> {
        let first = self.execute("UPDATE grains SET opened = 1 WHERE grain_id = ?1 AND opened = 0", [grain_id])? > 0;
        self.set_grain_used(grain_id, when)?;
        Ok(first)
    }

    /// Notes a grain's size on disk.
    pub fn set_grain_size(&self, grain_id: &str, size: u64) -> Result<bool> {
        let changed = self.execute("UPDATE grains SET size = ?2 WHERE grain_id = ?1", (grain_id, signed(size)))?;
        Ok(changed > 0)
    }

    /// Deletes a grain's row.
    pub fn remove_grain(&self, grain_id: &str) -> Result<bool> {
        Ok(self.execute("DELETE FROM grains WHERE grain_id = ?1", [grain_id])? > 0)
    }

    /// Writes a setting.
    pub fn set_setting<T: Serialize>(&self, key: &str, value: &T) -> Result<()> {
        let text = serde_json::to_string(value)
            .map_err(|error| Error::Damaged { what: "settings.value", detail: error.to_string() })?;
        self.execute(
            "INSERT INTO settings (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, text),
        )?;
        Ok(())
    }

    pub(crate) fn execute(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<usize> {
        Ok(self.connection.prepare_cached(sql)?.execute(parameters)?)
    }
}

/// Sizes are far below 2^63.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Texts by name or position always serialise.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
