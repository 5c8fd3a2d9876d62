-- What the app says in other languages, as JSON that the appliance reads; NULL where nobody looked for it yet.
ALTER TABLE packages ADD COLUMN texts TEXT;

-- Whether anybody has looked into the grain since it was made.
ALTER TABLE grains ADD COLUMN opened INTEGER NOT NULL DEFAULT 1 CHECK (opened IN (0, 1));

-- The order of the list.
CREATE INDEX grains_used ON grains (last_used DESC, grain_id);

-- What happened while nobody looked. The oldest go when there are too many.
CREATE TABLE notifications (
    notification_id INTEGER PRIMARY KEY AUTOINCREMENT,
    code            TEXT NOT NULL,              -- stable, kebab-case
    severity        TEXT NOT NULL CHECK (severity IN ('error', 'warning', 'info')),
    title           TEXT NOT NULL,
    text            TEXT NOT NULL,
    remedy          TEXT NOT NULL,
    details         TEXT NOT NULL,              -- JSON {name: text}: what the sentences are made of
    grain_id        TEXT REFERENCES grains ON DELETE CASCADE,
    app_id          TEXT,
    created         INTEGER NOT NULL,           -- the last time it happened
    times           INTEGER NOT NULL,
    read            INTEGER                     -- when it was read
) STRICT;
CREATE INDEX notifications_grain ON notifications (grain_id);
CREATE INDEX notifications_created ON notifications (created DESC, notification_id DESC);

-- Windows of the desktop: where they are, and which stand open.
CREATE TABLE windows (
    window_id TEXT PRIMARY KEY,
    grain_id  TEXT REFERENCES grains ON DELETE CASCADE,
    open      INTEGER NOT NULL CHECK (open IN (0, 1)),
    place     TEXT NOT NULL,                    -- JSON, what the desktop wants to know again
    updated   INTEGER NOT NULL
) STRICT;
CREATE INDEX windows_grain ON windows (grain_id);
