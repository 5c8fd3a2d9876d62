//! SQLite: schema, migrations and queries.
