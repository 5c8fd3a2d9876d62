//! The queries; each returns plain values.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::de::DeserializeOwned;

use crate::model::{Action, App, Command, Grain, GrainFilter, Icon, IconKind, Package};
use crate::{Error, Result};

/// A view of the database that does not change while it is held.
pub struct Read<'a> {
    connection: &'a Connection,
}

impl std::fmt::Debug for Read<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Read")
    }
}

const PACKAGE: &str =
    "package_id, app_id, app_version, title, marketing_version, short_description, author_fingerprint,
    author_name, unpacked_size, continue_command, installed";

const GRAIN: &str =
    "SELECT g.grain_id, g.title, g.app_id, g.package_id, g.app_version, g.owner_identity, g.created, g.last_used, g.size,
        g.trashed, p.title AS app_title
     FROM grains g JOIN packages p USING (package_id)";

impl<'a> Read<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// One package, installed as an app or only kept by grains.
    pub fn package(&self, package_id: &str) -> Result<Option<Package>> {
        let mut statement =
            self.connection.prepare_cached(&format!("SELECT {PACKAGE} FROM packages WHERE package_id = ?1"))?;
        let package = statement.query_row([package_id], package).optional()?;
        package.map(|package| self.complete(package)).transpose()
    }

    /// The newest package of an app, installed or only kept by grains.
    pub fn any_package(&self, app_id: &str) -> Result<Option<String>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT package_id FROM packages WHERE app_id = ?1 ORDER BY app_version DESC, installed DESC LIMIT 1",
        )?;
        Ok(statement.query_row([app_id], |row| row.get(0)).optional()?)
    }

    /// The ids of all packages that have files on disk.
    pub fn package_ids(&self) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare_cached("SELECT package_id FROM packages ORDER BY 1")?;
        let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// Packages that neither an app nor a grain needs.
    pub fn unused_packages(&self) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT package_id FROM packages p
             WHERE NOT EXISTS (SELECT 1 FROM apps a WHERE a.package_id = p.package_id)
               AND NOT EXISTS (SELECT 1 FROM grains g WHERE g.package_id = p.package_id)
             ORDER BY 1",
        )?;
        let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// One installed app.
    pub fn app(&self, app_id: &str) -> Result<Option<App>> {
        let mut statement = self.connection.prepare_cached(&app_query("WHERE a.app_id = ?1"))?;
        let app = statement.query_row([app_id], app).optional()?;
        app.map(|app| self.complete_app(app)).transpose()
    }

    /// All installed apps by title.
    pub fn apps(&self) -> Result<Vec<App>> {
        let mut statement = self.connection.prepare_cached(&app_query("ORDER BY p.title COLLATE NOCASE, a.app_id"))?;
        let apps = statement.query_map([], app)?.collect::<Result<Vec<_>, _>>()?;
        apps.into_iter().map(|app| self.complete_app(app)).collect()
    }

    /// A picture of a package.
    pub fn icon(&self, package_id: &str, kind: IconKind) -> Result<Option<Icon>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT media_type, image FROM icons WHERE package_id = ?1 AND kind = ?2")?;
        let icon = statement
            .query_row([package_id, kind.as_str()], |row| {
                Ok(Icon { media_type: row.get("media_type")?, image: row.get("image")? })
            })
            .optional()?;
        Ok(icon)
    }

    /// One grain, thrown away or not.
    pub fn grain(&self, grain_id: &str) -> Result<Option<Grain>> {
        let mut statement = self.connection.prepare_cached(&format!("{GRAIN} WHERE g.grain_id = ?1"))?;
        Ok(statement.query_row([grain_id], grain).optional()?)
    }

    /// Grains, the last used first.
    pub fn grains(&self, filter: &GrainFilter) -> Result<Vec<Grain>> {
        let (app, before) = match filter {
            GrainFilter::All => (None, None),
            GrainFilter::App(app) => (Some(app.as_str()), None),
            GrainFilter::TrashedBefore(time) => (None, Some(*time)),
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "{GRAIN}
             WHERE (:app IS NULL OR g.app_id = :app) AND (:before IS NULL OR g.trashed < :before)
             ORDER BY g.last_used DESC, g.grain_id"
        ))?;
        let grains =
            statement.query_map(named_params! { ":app": app, ":before": before }, grain)?.collect::<Result<_, _>>()?;
        Ok(grains)
    }

    /// A setting, if it was ever written.
    pub fn setting<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM settings WHERE key = ?1")?;
        let text: Option<String> = statement.query_row([key], |row| row.get(0)).optional()?;
        text.map(|text| json("settings.value", &text)).transpose()
    }

    fn complete_app(&self, app: App) -> Result<App> {
        Ok(App { package: self.complete(app.package)?, ..app })
    }

    fn complete(&self, package: Package) -> Result<Package> {
        let mut statement = self.connection.prepare_cached(
            "SELECT title, noun_phrase, description, command FROM actions WHERE package_id = ?1 ORDER BY position",
        )?;
        let actions = statement
            .query_map([&package.package_id], |row| {
                Ok(Action {
                    title: row.get("title")?,
                    noun_phrase: row.get("noun_phrase")?,
                    description: row.get("description")?,
                    command: command(row, "command")?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(Package { actions, ..package })
    }
}

fn app_query(rest: &str) -> String {
    let columns = PACKAGE.split(',').map(|column| format!("p.{}", column.trim())).collect::<Vec<_>>().join(", ");
    format!(
        "SELECT {columns}, a.starter, (SELECT count(*) FROM grains g WHERE g.app_id = a.app_id) AS grains
         FROM apps a JOIN packages p USING (package_id) {rest}"
    )
}

fn app(row: &Row<'_>) -> rusqlite::Result<App> {
    Ok(App { package: package(row)?, starter: row.get("starter")?, grains: unsigned(row, "grains")? })
}

/// A package without its actions.
fn package(row: &Row<'_>) -> rusqlite::Result<Package> {
    Ok(Package {
        package_id: row.get("package_id")?,
        app_id: row.get("app_id")?,
        app_version: row.get("app_version")?,
        title: row.get("title")?,
        marketing_version: row.get("marketing_version")?,
        short_description: row.get("short_description")?,
        author_fingerprint: row.get("author_fingerprint")?,
        author_name: row.get("author_name")?,
        unpacked_size: unsigned(row, "unpacked_size")?,
        continue_command: command(row, "continue_command")?,
        actions: Vec::new(),
        installed: row.get("installed")?,
    })
}

fn grain(row: &Row<'_>) -> rusqlite::Result<Grain> {
    Ok(Grain {
        grain_id: row.get("grain_id")?,
        title: row.get("title")?,
        app_id: row.get("app_id")?,
        package_id: row.get("package_id")?,
        app_version: row.get("app_version")?,
        owner_identity: row.get("owner_identity")?,
        created: row.get("created")?,
        last_used: row.get("last_used")?,
        size: unsigned(row, "size")?,
        trashed: row.get("trashed")?,
        app_title: row.get("app_title")?,
    })
}

fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    Ok(value.max(0).cast_unsigned())
}

fn command(row: &Row<'_>, column: &str) -> rusqlite::Result<Command> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

fn json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Damaged { what, detail: error.to_string() })
}
