-- The first schema. Times are microseconds since the Unix epoch, UTC. A uid is 16 bytes.
-- "Sealed" columns hold ciphertext; "wrapped" ones hold a data key that only the key provider
-- can open. No column ever holds a value, or a plain hash, length or checksum of a plain value
-- beyond what the length of a sealed record tells.

-- What is true of the store as a whole: one row.
CREATE TABLE store (
    only_row          INTEGER PRIMARY KEY CHECK (only_row = 1),
    deployment        BLOB NOT NULL,     -- uid; the same as in the key file
    incarnation       BLOB NOT NULL,     -- uid; another after a restore
    service_key_kind  INTEGER NOT NULL,  -- how the key below is wrapped
    service_key_id    TEXT NOT NULL,     -- the wrapping key
    service_key       BLOB NOT NULL,     -- wrapped: tokens, page tokens, request bodies
    created           INTEGER NOT NULL,
    unscrubbed        INTEGER NOT NULL   -- 1 while copies of what was removed may be left
) STRICT;

-- A project and its head.
CREATE TABLE project (
    uid                 BLOB PRIMARY KEY,
    id                  TEXT NOT NULL UNIQUE,
    display_name        TEXT NOT NULL,
    edition             INTEGER NOT NULL,  -- counts changes of the project's own fields
    created             INTEGER NOT NULL,
    updated             INTEGER NOT NULL,
    revision            INTEGER NOT NULL,  -- raised in the transaction of every change
    integrity_key_kind  INTEGER NOT NULL,
    integrity_key_id    TEXT NOT NULL,
    integrity_key       BLOB NOT NULL,     -- wrapped: authenticates the manifest
    fingerprint_key_kind INTEGER NOT NULL,
    fingerprint_key_id  TEXT NOT NULL,
    fingerprint_key     BLOB NOT NULL,     -- wrapped: fingerprints of values
    deleted             INTEGER,           -- when it was deleted; null while it is not
    purge               INTEGER,           -- from when on it may be purged; null likewise
    catalogue           BLOB NOT NULL,     -- digest of the secrets and their default slots
    manifest            BLOB NOT NULL      -- MAC over head, environments and all digests
) STRICT;

-- An environment, its settings, and for each stage the view's revision and the digest of its
-- overrides.
CREATE TABLE environment (
    uid             BLOB PRIMARY KEY,
    project         BLOB NOT NULL REFERENCES project (uid),
    id              TEXT NOT NULL,
    display_name    TEXT NOT NULL,
    fallback        INTEGER NOT NULL,  -- 1 defaults are used, 2 they are refused
    protected       INTEGER NOT NULL,  -- 0 no, 1 yes
    edition         INTEGER NOT NULL,
    created         INTEGER NOT NULL,
    updated         INTEGER NOT NULL,
    draft_revision  INTEGER NOT NULL,
    draft_digest    BLOB NOT NULL,
    live_revision   INTEGER NOT NULL,
    live_digest     BLOB NOT NULL,
    UNIQUE (project, id)
) STRICT;

-- A secret without its values.
CREATE TABLE secret (
    uid          BLOB PRIMARY KEY,
    project      BLOB NOT NULL REFERENCES project (uid),
    name         TEXT NOT NULL,
    folded       TEXT NOT NULL,     -- the name in lower case: unique regardless of case
    visibility   INTEGER NOT NULL,  -- 1 masked, 2 restricted
    description  TEXT NOT NULL,
    edition      INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    updated      INTEGER NOT NULL,
    deleted      INTEGER,           -- when it was deleted; null while it is not
    purge        INTEGER,           -- from when on it may be purged; null likewise
    UNIQUE (project, folded)
) STRICT;

-- A name that a secret had. It is reserved, and still resolves.
CREATE TABLE alias (
    project  BLOB NOT NULL REFERENCES project (uid),
    name     TEXT NOT NULL,
    secret   BLOB NOT NULL REFERENCES secret (uid),
    PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX alias_by_secret ON alias (secret);

-- Where one value is stored: points at the current version.
CREATE TABLE slot (
    project      BLOB NOT NULL REFERENCES project (uid),
    environment  BLOB NOT NULL,     -- uid, or 16 zero bytes for the default slot
    stage        INTEGER NOT NULL,  -- 0 the default slot, 1 draft, 2 live
    secret       BLOB NOT NULL REFERENCES secret (uid),
    current      INTEGER NOT NULL,  -- the version that resolves
    highest      INTEGER NOT NULL,  -- the last number given; numbers are never used again
    edition      INTEGER NOT NULL,  -- counts changes of the slot
    updated      INTEGER NOT NULL,
    history      BLOB NOT NULL,     -- number and MAC of every kept version, 40 bytes each
    PRIMARY KEY (project, environment, stage, secret)
) STRICT, WITHOUT ROWID;

CREATE INDEX slot_by_secret ON slot (secret);

-- A value version. A cleared or destroyed one has neither key nor record.
CREATE TABLE value (
    secret            BLOB NOT NULL REFERENCES secret (uid),
    environment       BLOB NOT NULL,     -- as in slot
    stage             INTEGER NOT NULL,  -- as in slot
    version           INTEGER NOT NULL,  -- from 1 in each slot
    uid               BLOB NOT NULL,     -- random; the record is bound to it
    created           INTEGER NOT NULL,
    kind              INTEGER,           -- 1 text, 2 bytes
    wrapped_key_kind  INTEGER,
    wrapped_key_id    TEXT,
    wrapped_key       BLOB,              -- wrapped: this version's own data key
    sealed            BLOB,              -- sealed: the value
    sealed_digest     BLOB,              -- SHA-256 of the sealed record
    fingerprint       BLOB,              -- keyed, over uid and value: equality shows nowhere
    destroyed         INTEGER NOT NULL,  -- 0 no, 1 the record was destroyed for good
    mac               BLOB NOT NULL,     -- over the row but for the keys and the record itself
    PRIMARY KEY (secret, environment, stage, version)
) STRICT;

-- Answers kept for retries. An answer never holds a value.
CREATE TABLE request (
    principal  TEXT NOT NULL,
    id         BLOB NOT NULL,
    body       BLOB NOT NULL,     -- HMAC of method and request
    answer     TEXT NOT NULL,     -- JSON
    created    INTEGER NOT NULL,
    PRIMARY KEY (principal, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX request_by_created ON request (created);

-- Who did what: a row in the transaction of the deed.
CREATE TABLE audit (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    principal    TEXT NOT NULL,
    action       TEXT NOT NULL,
    project      BLOB,
    environment  BLOB,
    stage        INTEGER,
    secret       BLOB,
    version      INTEGER,
    revision     INTEGER,
    request      BLOB
) STRICT;

-- API tokens.
CREATE TABLE api_token (
    id       TEXT PRIMARY KEY,
    hash     BLOB NOT NULL,      -- SHA-256 of 256 random bits
    caller   TEXT NOT NULL,      -- JSON: principal, role, grant, scope, expiry
    created  INTEGER NOT NULL,
    mac      BLOB NOT NULL       -- over the row, so that one written by hand opens nothing
) STRICT;
