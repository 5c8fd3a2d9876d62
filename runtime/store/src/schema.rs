//! The schema as a list of migrations; a published one is never edited, only followed by another.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

const STEPS: &[M<'static>] =
    &[M::up(include_str!("schema/1-first-grain.sql")), M::up(include_str!("schema/2-desktop.sql"))];

/// Brings the database to the newest schema, each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite_migration::Result<()> {
    Migrations::from_slice(STEPS).to_latest(connection)
}

#[cfg(test)]
mod tests {
    use super::STEPS;
    use rusqlite_migration::Migrations;

    #[test]
    fn every_migration_applies() {
        Migrations::from_slice(STEPS).validate().unwrap();
    }
}
