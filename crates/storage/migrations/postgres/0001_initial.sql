-- The first schema. Times are microseconds since the Unix epoch, UTC. A uid is 16 bytes.
-- "Sealed" columns hold ciphertext; "wrapped" ones hold a data key that only the key provider
-- can open. No column ever holds a value, or a plain hash, length or checksum of a plain value
-- beyond what the length of a sealed record tells. Names are compared byte by byte (COLLATE "C").
-- No column that holds content has a CHECK: PostgreSQL's error would quote the row.

-- What is true of the store as a whole: one row.
CREATE TABLE store (
    only_row           smallint PRIMARY KEY CHECK (only_row = 1),
    deployment         bytea NOT NULL,     -- uid; the same as in the key provider's contexts
    incarnation        bytea NOT NULL,     -- uid; another after a restore or a failover
    service_key_kind   smallint NOT NULL,  -- how the key below is wrapped
    service_key_id     text NOT NULL,      -- the wrapping key
    service_key        bytea NOT NULL,     -- wrapped: tokens, page tokens, request bodies
    created            bigint NOT NULL,    -- time
    unscrubbed         smallint NOT NULL,  -- 1 from a removal for good until the next scrub
    system_identifier  text,               -- the cluster that the incarnation was taken on; null
                                           -- where that is not known
    timeline           text                -- its timeline then, as WAL files are named; likewise
);

-- A project and its head.
CREATE TABLE project (
    uid                   bytea PRIMARY KEY,
    id                    text COLLATE "C" NOT NULL UNIQUE,  -- as callers name it
    display_name          text NOT NULL,
    edition               bigint NOT NULL,    -- counts changes of the project's own fields
    created               bigint NOT NULL,    -- time
    updated               bigint NOT NULL,    -- time
    revision              bigint NOT NULL,    -- raised in the transaction of every change
    last_xid              xid8 NOT NULL,      -- the transaction that wrote the head last
    integrity_key_kind    smallint NOT NULL,  -- how the key below is wrapped
    integrity_key_id      text NOT NULL,      -- the wrapping key
    integrity_key         bytea NOT NULL,     -- wrapped: authenticates the manifest
    fingerprint_key_kind  smallint NOT NULL,  -- how the key below is wrapped
    fingerprint_key_id    text NOT NULL,      -- the wrapping key
    fingerprint_key       bytea NOT NULL,     -- wrapped: fingerprints of values
    deleted               bigint,             -- when it was deleted; null while it is not
    purge                 bigint,             -- from when on it may be purged; null likewise
    catalogue             bytea NOT NULL,     -- digest of the secrets and their default slots
    manifest              bytea NOT NULL      -- MAC over head, environments and all digests
);

-- What moved since a snapshot, for the feed of heads.
CREATE INDEX project_by_last_xid ON project (last_xid);

-- An environment, its settings, and for each stage the view's revision and the digest of its
-- overrides.
CREATE TABLE environment (
    uid             bytea PRIMARY KEY,
    project         bytea NOT NULL REFERENCES project (uid),
    id              text COLLATE "C" NOT NULL,  -- as callers name it
    display_name    text NOT NULL,
    fallback        smallint NOT NULL,  -- 1 defaults are used, 2 they are refused
    protected       smallint NOT NULL,  -- 0 no, 1 yes
    edition         bigint NOT NULL,    -- counts changes of the environment's own fields
    created         bigint NOT NULL,    -- time
    updated         bigint NOT NULL,    -- time
    draft_revision  bigint NOT NULL,    -- the last revision that could alter the draft view
    draft_digest    bytea NOT NULL,     -- digest of the draft overrides
    live_revision   bigint NOT NULL,    -- the last revision that could alter the live view
    live_digest     bytea NOT NULL,     -- digest of the live overrides
    UNIQUE (project, id)
);

-- A secret without its values.
CREATE TABLE secret (
    uid          bytea PRIMARY KEY,
    project      bytea NOT NULL REFERENCES project (uid),
    name         text COLLATE "C" NOT NULL,  -- as it was written
    folded       text COLLATE "C" NOT NULL,  -- the name in lower case: unique regardless of case
    visibility   smallint NOT NULL,  -- 1 masked, 2 restricted
    description  text NOT NULL,
    edition      bigint NOT NULL,    -- counts changes of the secret's own fields
    created      bigint NOT NULL,    -- time
    updated      bigint NOT NULL,    -- time
    deleted      bigint,             -- when it was deleted; null while it is not
    purge        bigint,             -- from when on it may be purged; null likewise
    UNIQUE (project, folded)
);

-- A name that a secret had. It is reserved, and still resolves.
CREATE TABLE alias (
    project  bytea NOT NULL REFERENCES project (uid),
    name     text COLLATE "C" NOT NULL,  -- the exact name
    secret   bytea NOT NULL REFERENCES secret (uid),
    PRIMARY KEY (project, name)
);

CREATE INDEX alias_by_secret ON alias (secret);

-- Where one value is stored: points at the current version.
CREATE TABLE slot (
    project      bytea NOT NULL REFERENCES project (uid),
    environment  bytea NOT NULL,     -- uid, or 16 zero bytes for the default slot
    stage        smallint NOT NULL,  -- 0 the default slot, 1 draft, 2 live
    secret       bytea NOT NULL REFERENCES secret (uid),
    current      bigint NOT NULL,    -- the version that resolves
    highest      bigint NOT NULL,    -- the last number given; numbers are never used again
    edition      bigint NOT NULL,    -- counts changes of the slot
    updated      bigint NOT NULL,    -- time
    history      bytea NOT NULL,     -- number and MAC of every kept version, 40 bytes each
    PRIMARY KEY (project, environment, stage, secret)
);

CREATE INDEX slot_by_secret ON slot (secret);

-- A value version. A cleared or destroyed one has neither key nor record.
CREATE TABLE value (
    secret            bytea NOT NULL REFERENCES secret (uid),
    environment       bytea NOT NULL,     -- as in slot
    stage             smallint NOT NULL,  -- as in slot
    version           bigint NOT NULL,    -- from 1 in each slot
    uid               bytea NOT NULL,     -- random; the record is bound to it
    created           bigint NOT NULL,    -- time
    kind              smallint,           -- 1 text, 2 bytes
    wrapped_key_kind  smallint,           -- how the key below is wrapped
    wrapped_key_id    text,               -- the wrapping key
    wrapped_key       bytea,              -- wrapped: this version's own data key
    sealed            bytea,              -- sealed: the value
    sealed_digest     bytea,              -- SHA-256 of the sealed record
    fingerprint       bytea,              -- keyed, over uid and value: equality shows nowhere
    destroyed         smallint NOT NULL,  -- 0 no, 1 the record was destroyed for good
    mac               bytea NOT NULL,     -- over the row but for the keys and the record itself
    PRIMARY KEY (secret, environment, stage, version)
);

-- Sealed records and wrapped keys are random bytes: trying to compress them is wasted work.
ALTER TABLE value ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE value ALTER COLUMN wrapped_key SET STORAGE EXTERNAL;

-- Answers kept for retries. An answer never holds a value.
CREATE TABLE request (
    principal  text COLLATE "C" NOT NULL,  -- who asked
    id         bytea NOT NULL,    -- the caller's request id
    body       bytea NOT NULL,    -- HMAC of method and request
    answer     text NOT NULL,     -- JSON
    created    bigint NOT NULL,   -- time
    PRIMARY KEY (principal, id)
);

CREATE INDEX request_by_created ON request (created);

-- Who did what: a row in the transaction of the deed.
CREATE TABLE audit (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- in the order of insertion
    at           bigint NOT NULL,  -- time
    principal    text NOT NULL,    -- who
    action       text NOT NULL,    -- which method
    project      bytea,            -- uid; this and what follows is null where it says nothing
    environment  bytea,            -- uid
    stage        smallint,         -- 1 draft, 2 live
    secret       bytea,            -- uid
    version      bigint,           -- which version was written or shown
    revision     bigint,           -- the project's after the change
    request      bytea             -- the caller's request id
);

-- API tokens.
CREATE TABLE api_token (
    id       text COLLATE "C" PRIMARY KEY,  -- the token's public part
    hash     bytea NOT NULL,      -- SHA-256 of 256 random bits
    caller   text NOT NULL,       -- JSON: principal, role, grant, scope, expiry
    created  bigint NOT NULL,     -- time
    mac      bytea NOT NULL       -- over the row, so that one written by hand opens nothing
);
