-- The audit trail, chained and signed. Each record is hashed together with the one before it in its
-- chain; checkpoints sign the heads of all chains. Records of builds before the first release stood
-- in no chain, so that nothing could vouch for them: they do not come along.

DROP TABLE audit;

-- Who did what. A record stands exactly where the change does, or is there before what it speaks
-- of leaves the process. No column holds a value, nor its length, hash or fingerprint.
CREATE TABLE audit (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order of insertion, for lists only
    chain           TEXT NOT NULL,     -- deployment, project:UID or process:UID
    sequence        INTEGER NOT NULL,  -- from 1 in each chain, without a gap
    hash            BLOB NOT NULL,     -- SHA-256 of the hash before, the sequence and the record
    at              INTEGER NOT NULL,  -- time; of the first where several are counted
    principal       TEXT NOT NULL,     -- who
    credential      TEXT,              -- known by what; from here on null where it says nothing
    action          TEXT NOT NULL,     -- which method
    project         BLOB,              -- uid
    project_id      TEXT,
    environment     BLOB,              -- uid
    environment_id  TEXT,
    stage           INTEGER,           -- 1 draft, 2 live
    secret          BLOB,              -- uid
    secret_name     TEXT,
    version         INTEGER,           -- which version was written or shown
    revision        INTEGER,           -- the project's: after a change, or as it was read
    view_revision   INTEGER,           -- that of the view that was disclosed
    outcome         TEXT NOT NULL,     -- ok, or the public reason of a denial
    request         BLOB,              -- the caller's request id
    count           INTEGER,           -- so many more of the same kind
    until           INTEGER,           -- time; the last of those
    resource        TEXT,              -- the name of what it was done to, outside of projects
    granted         TEXT,              -- what was given or taken: role, scope and end
    UNIQUE (chain, sequence)
) STRICT;

CREATE INDEX audit_by_project ON audit (project, seq);

-- The heads of the chains.
CREATE TABLE audit_chain (
    chain            TEXT PRIMARY KEY,
    sequence         INTEGER NOT NULL,  -- of the last record
    hash             BLOB NOT NULL,     -- of the last record
    sealed           INTEGER NOT NULL,  -- the sequence that the last checkpoint signs
    checkpoint       INTEGER NOT NULL,  -- the last checkpoint when the chain began; 0 before any
    checkpoint_hash  BLOB NOT NULL      -- of that checkpoint; zeros before any
) STRICT;

CREATE INDEX audit_chain_moved ON audit_chain (chain) WHERE sequence <> sealed;

-- Signed statements of where all chains are.
CREATE TABLE audit_checkpoint (
    number    INTEGER PRIMARY KEY,  -- from 1
    document  TEXT NOT NULL         -- JSON, with its signature
) STRICT;

-- The key that signs checkpoints: one row.
CREATE TABLE audit_key (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    key_kind  INTEGER NOT NULL,  -- how the key below is wrapped
    key_id    TEXT NOT NULL,     -- the wrapping key
    key       BLOB NOT NULL      -- wrapped: the seed of the signing key
) STRICT;
