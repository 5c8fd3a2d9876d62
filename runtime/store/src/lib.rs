//! SQLite: schema, migrations and queries; every other crate sees plain values and typed operations.
//!
//! One connection writes, one reads (WAL), so a reader never waits for a writer's fsync. Several operations are made one
//! transaction by calling them inside one [`Store::write`].

mod model;
mod read;
mod schema;
mod write;

mod notifications;
mod windows;

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

pub use model::{
    Action, App, Command, Grain, GrainFilter, Icon, IconKind, NewNotification, Notification, Package, PackageUse,
    Severity, Window,
};
pub use notifications::NOTIFICATIONS;
pub use read::Read;
pub use windows::WINDOWS;
pub use write::Write;

/// What can go wrong between Granary and its database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be opened or created.
    #[error(
        "the database {path} cannot be opened ({source}); check that the folder is yours and that the disk is not full"
    )]
    Open {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file was written by a later version.
    #[error(
        "the database {path} was written by a newer version of Granary; install that version again, or restore a backup of the folder made before"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
    },
    /// A migration failed; nothing was changed.
    #[error(
        "the database could not be brought up to date ({0}); nothing was changed, so the earlier version of Granary still works with it"
    )]
    Migration(rusqlite_migration::Error),
    /// A query failed.
    #[error("the database refused an operation: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A stored value is not what this version wrote.
    #[error("the database holds a damaged value in {what} ({detail}); restore a backup of the folder")]
    Damaged {
        /// Table and column.
        what: &'static str,
        /// What was wrong with it.
        detail: String,
    },
}

/// The result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The open database of one data folder.
pub struct Store {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens `path`, creating it when it is missing, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |source| Error::Open { path: path.to_owned(), source };
        // SQLite gives the files beside it the permissions of this one. That it cannot be made, SQLite says as well.
        let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut writer = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(failed)?;
        configure(&writer).map_err(failed)?;
        schema::migrate(&mut writer).map_err(|error| match error {
            rusqlite_migration::Error::MigrationDefinition(
                rusqlite_migration::MigrationDefinitionError::DatabaseTooFarAhead,
            ) => Error::Newer { path: path.to_owned() },
            other => Error::Migration(other),
        })?;
        let reader =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .map_err(failed)?;
        configure(&reader).map_err(failed)?;
        reader.pragma_update(None, "query_only", true).map_err(failed)?;
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(reader) })
    }

    /// Runs `operation` as one transaction; when it returns, what it wrote survives a power cut. An error undoes all of it.
    pub fn write<T, E: From<Error>>(&self, operation: impl FnOnce(&Write<'_>) -> Result<T, E>) -> Result<T, E> {
        self.transact("FULL", operation)
    }

    /// As [`Store::write`], for values that may be lost in a power cut (a size, a time of last use): it does not wait for
    /// the disk. The database stays whole all the same.
    pub fn note<T, E: From<Error>>(&self, operation: impl FnOnce(&Write<'_>) -> Result<T, E>) -> Result<T, E> {
        self.transact("NORMAL", operation)
    }

    /// Runs `operation` on one consistent view of the database.
    pub fn read<T, E: From<Error>>(&self, operation: impl FnOnce(&Read<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut reader = lock(&self.reader);
        let transaction = reader.transaction().map_err(Error::from)?;
        operation(&Read::new(&transaction))
        // Dropping the transaction ends it; nothing was written.
    }

    fn transact<T, E: From<Error>>(
        &self,
        synchronous: &str,
        operation: impl FnOnce(&Write<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = lock(&self.writer);
        writer.pragma_update(None, "synchronous", synchronous).map_err(Error::from)?;
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Error::from)?;
        let value = operation(&Write::new(&transaction))?;
        transaction.commit().map_err(Error::from)?;
        Ok(value)
    }
}

/// A poisoned lock only says that another thread panicked; its transaction was rolled back when it unwound.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // Negative: KiB. The whole database of a busy person is a few MiB.
    connection.pragma_update(None, "cache_size", -1024)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}
