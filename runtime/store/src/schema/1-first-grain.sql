-- Times are milliseconds since 1970 (UTC). Identifiers are stored as the text people see.

-- A package whose files are complete in data/apps/<package_id>.
CREATE TABLE packages (
    package_id         TEXT PRIMARY KEY,
    app_id             TEXT NOT NULL,
    app_version        INTEGER NOT NULL,
    title              TEXT NOT NULL,
    marketing_version  TEXT NOT NULL,
    short_description  TEXT,
    author_fingerprint TEXT,
    author_name        TEXT,
    unpacked_size      INTEGER NOT NULL,
    continue_command   TEXT NOT NULL,           -- JSON {"argv":[],"environ":[[key,value]]}
    installed          INTEGER NOT NULL
) STRICT;
CREATE INDEX packages_app ON packages (app_id);

-- What a person can create from a package, in the manifest's order.
CREATE TABLE actions (
    package_id  TEXT NOT NULL REFERENCES packages ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    title       TEXT NOT NULL,
    noun_phrase TEXT NOT NULL,
    description TEXT,
    command     TEXT NOT NULL,                  -- JSON, as above
    PRIMARY KEY (package_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE icons (
    package_id TEXT NOT NULL REFERENCES packages ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('grid', 'grain')),
    media_type TEXT NOT NULL,
    image      BLOB NOT NULL,
    PRIMARY KEY (package_id, kind)
) STRICT;

-- An app that is installed: which of its packages new grains are made from.
CREATE TABLE apps (
    app_id     TEXT PRIMARY KEY,
    package_id TEXT NOT NULL REFERENCES packages,
    starter    INTEGER NOT NULL CHECK (starter IN (0, 1)),
    installed  INTEGER NOT NULL
) STRICT;

CREATE TABLE grains (
    grain_id       TEXT PRIMARY KEY,
    title          TEXT NOT NULL,
    app_id         TEXT NOT NULL,
    package_id     TEXT NOT NULL REFERENCES packages,
    app_version    INTEGER NOT NULL,
    owner_identity TEXT NOT NULL CHECK (length(owner_identity) = 64),   -- hex; who the owner is inside this grain
    created        INTEGER NOT NULL,
    last_used      INTEGER NOT NULL,
    size           INTEGER NOT NULL DEFAULT 0,
    trashed        INTEGER                                              -- when it was thrown away
) STRICT;
CREATE INDEX grains_app ON grains (app_id);
CREATE INDEX grains_package ON grains (package_id);
CREATE INDEX grains_trashed ON grains (trashed) WHERE trashed IS NOT NULL;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL                         -- JSON
) STRICT;
