//! The queries; each returns plain values.

use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde::de::DeserializeOwned;

use crate::model::{Action, App, Command, Grain, GrainFilter, Icon, IconKind, Package, PackageUse};
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
    "p.package_id, p.app_id, p.app_version, p.title, p.marketing_version, p.short_description, p.author_fingerprint,
    p.author_name, p.unpacked_size, p.continue_command, p.installed, p.texts";

const GRAIN: &str =
    "SELECT g.grain_id, g.title, g.app_id, g.package_id, g.app_version, g.owner_identity, g.created, g.last_used, g.size,
        g.trashed, g.opened, p.title AS app_title
     FROM grains g JOIN packages p USING (package_id)";

impl<'a> Read<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// One package, installed as an app or only kept by grains.
    pub fn package(&self, package_id: &str) -> Result<Option<Package>> {
        let package =
            self.first(&format!("SELECT {PACKAGE} FROM packages p WHERE package_id = ?1"), [package_id], package)?;
        package.map(|package| self.complete(package)).transpose()
    }

    /// All packages of an app, the newest version first.
    pub fn packages(&self, app_id: &str) -> Result<Vec<Package>> {
        let sql =
            format!("SELECT {PACKAGE} FROM packages p WHERE app_id = ?1 ORDER BY app_version DESC, installed DESC");
        self.all(&sql, [app_id], package)?.into_iter().map(|package| self.complete(package)).collect()
    }

    /// The newest package of an app, installed or only kept by grains.
    pub fn any_package(&self, app_id: &str) -> Result<Option<String>> {
        self.first(
            "SELECT package_id FROM packages WHERE app_id = ?1 ORDER BY app_version DESC, installed DESC LIMIT 1",
            [app_id],
            |row| row.get(0),
        )
    }

    /// The ids of all packages that have files on disk.
    pub fn package_ids(&self) -> Result<Vec<String>> {
        self.all("SELECT package_id FROM packages ORDER BY 1", [], |row| row.get(0))
    }

    /// Packages that neither an app nor a grain needs.
    pub fn unused_packages(&self) -> Result<Vec<String>> {
        self.all(
            "SELECT package_id FROM packages p
             WHERE NOT EXISTS (SELECT 1 FROM apps a WHERE a.package_id = p.package_id)
               AND NOT EXISTS (SELECT 1 FROM grains g WHERE g.package_id = p.package_id)
             ORDER BY 1",
            [],
            |row| row.get(0),
        )
    }

    /// What each package says in other languages, where it says anything.
    pub fn texts(&self) -> Result<Vec<(String, String)>> {
        self.all("SELECT package_id, texts FROM packages WHERE texts IS NOT NULL", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }

    /// Packages of which nobody knows yet what they say in other languages.
    pub fn packages_without_texts(&self) -> Result<Vec<String>> {
        self.all("SELECT package_id FROM packages WHERE texts IS NULL ORDER BY 1", [], |row| row.get(0))
    }

    /// Bytes of all packages' unpacked files.
    pub fn packages_size(&self) -> Result<u64> {
        let size = self
            .first("SELECT coalesce(sum(unpacked_size), 0) AS size FROM packages", [], |row| unsigned(row, "size"))?;
        Ok(size.unwrap_or(0))
    }

    /// One installed app.
    pub fn app(&self, app_id: &str) -> Result<Option<App>> {
        let app = self.first(&app_query("WHERE a.app_id = ?1"), [app_id], app)?;
        app.map(|app| self.complete_app(app)).transpose()
    }

    /// All installed apps by title.
    pub fn apps(&self) -> Result<Vec<App>> {
        let apps = self.all(&app_query("ORDER BY p.title COLLATE NOCASE, a.app_id"), [], app)?;
        apps.into_iter().map(|app| self.complete_app(app)).collect()
    }

    /// A picture of a package.
    pub fn icon(&self, package_id: &str, kind: IconKind) -> Result<Option<Icon>> {
        self.first(
            "SELECT media_type, image FROM icons WHERE package_id = ?1 AND kind = ?2",
            [package_id, kind.as_str()],
            |row| Ok(Icon { media_type: row.get("media_type")?, image: row.get("image")? }),
        )
    }

    /// One grain, thrown away or not.
    pub fn grain(&self, grain_id: &str) -> Result<Option<Grain>> {
        self.first(&format!("{GRAIN} WHERE g.grain_id = ?1"), [grain_id], grain)
    }

    /// Grains, the last used first.
    pub fn grains(&self, filter: &GrainFilter) -> Result<Vec<Grain>> {
        let query = |condition: &str| format!("{GRAIN} {condition} ORDER BY g.last_used DESC, g.grain_id");
        match filter {
            GrainFilter::All => self.all(&query(""), [], grain),
            GrainFilter::App(app) => self.all(&query("WHERE g.app_id = ?1"), [app], grain),
            GrainFilter::TrashedBefore(time) => self.all(&query("WHERE g.trashed < ?1"), [time], grain),
        }
    }

    /// How many grains run from each package of an app, the newest version first.
    pub fn package_uses(&self, app_id: &str) -> Result<Vec<PackageUse>> {
        self.all(
            "SELECT package_id, app_version, count(*) AS grains, count(trashed) AS trashed FROM grains
             WHERE app_id = ?1 GROUP BY package_id, app_version ORDER BY app_version DESC, package_id",
            [app_id],
            |row| {
                Ok(PackageUse {
                    package_id: row.get("package_id")?,
                    app_version: row.get("app_version")?,
                    grains: unsigned(row, "grains")?,
                    trashed: unsigned(row, "trashed")?,
                })
            },
        )
    }

    /// A setting, if it was ever written.
    pub fn setting<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let text: Option<String> = self.first("SELECT value FROM settings WHERE key = ?1", [key], |row| row.get(0))?;
        text.map(|text| json("settings.value", &text)).transpose()
    }

    /// Every row of a query.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(parameters, map)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// The first row of a query, if it has any.
    pub(crate) fn first<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.connection.prepare_cached(sql)?.query_row(parameters, map).optional()?)
    }

    fn complete_app(&self, app: App) -> Result<App> {
        Ok(App { package: self.complete(app.package)?, ..app })
    }

    fn complete(&self, package: Package) -> Result<Package> {
        let actions = self.all(
            "SELECT title, noun_phrase, description, command FROM actions WHERE package_id = ?1 ORDER BY position",
            [&package.package_id],
            |row| {
                Ok(Action {
                    title: row.get("title")?,
                    noun_phrase: row.get("noun_phrase")?,
                    description: row.get("description")?,
                    command: from_json(row, "command")?,
                })
            },
        )?;
        Ok(Package { actions, ..package })
    }
}

fn app_query(rest: &str) -> String {
    format!(
        "SELECT {PACKAGE}, a.starter, (SELECT count(*) FROM grains g WHERE g.app_id = a.app_id) AS grains
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
        continue_command: from_json::<Command>(row, "continue_command")?,
        actions: Vec::new(),
        installed: row.get("installed")?,
        texts: row.get("texts")?,
    })
}

fn grain(row: &Row<'_>) -> rusqlite::Result<Grain> {
    // By position: a list has tens of thousands of rows, and a name is looked up anew in each.
    Ok(Grain {
        grain_id: row.get(0)?,
        title: row.get(1)?,
        app_id: row.get(2)?,
        package_id: row.get(3)?,
        app_version: row.get(4)?,
        owner_identity: row.get(5)?,
        created: row.get(6)?,
        last_used: row.get(7)?,
        size: row.get::<_, i64>(8)?.max(0).cast_unsigned(),
        trashed: row.get(9)?,
        opened: row.get(10)?,
        app_title: row.get(11)?,
    })
}

fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    Ok(value.max(0).cast_unsigned())
}

/// A value that stands as JSON in a column.
pub(crate) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

fn json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Damaged { what, detail: error.to_string() })
}
