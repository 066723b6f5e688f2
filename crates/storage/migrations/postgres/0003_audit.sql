-- The audit trail, chained and signed. Each record is hashed together with the one before it in its
-- chain; checkpoints sign the heads of all chains. Records of builds before the first release stood
-- in no chain, so that nothing could vouch for them: they do not come along.

DROP TABLE audit;

-- Who did what. A record stands exactly where the change does, or is there before what it speaks
-- of leaves the process. No column holds a value, nor its length, hash or fingerprint.
CREATE TABLE audit (
    seq             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- as inserted, for lists only
    chain           text COLLATE "C" NOT NULL,  -- deployment, project:UID or process:UID
    sequence        bigint NOT NULL,  -- from 1 in each chain, without a gap
    hash            bytea NOT NULL,   -- SHA-256 of the hash before, the sequence and the record
    at              bigint NOT NULL,  -- time; of the first where several are counted
    principal       text NOT NULL,    -- who
    credential      text,             -- known by what; from here on null where it says nothing
    action          text NOT NULL,    -- which method
    project         bytea,            -- uid
    project_id      text,             -- the id it had then
    environment     bytea,            -- uid
    environment_id  text,             -- the id it had then
    stage           smallint,         -- 1 draft, 2 live
    secret          bytea,            -- uid
    secret_name     text,             -- the name it had then
    version         bigint,           -- which version was written or shown
    revision        bigint,           -- the project's: after a change, or as it was read
    view_revision   bigint,           -- that of the view that was disclosed
    outcome         text NOT NULL,    -- ok, or the public reason of a denial
    request         bytea,            -- the caller's request id
    count           bigint,           -- so many more of the same kind
    until           bigint,           -- time; the last of those
    resource        text,             -- the name of what it was done to, outside of projects
    granted         text,             -- what was given or taken: role, scope and end
    UNIQUE (chain, sequence)
);

CREATE INDEX audit_by_project ON audit (project, seq);

-- The heads of the chains.
CREATE TABLE audit_chain (
    chain            text COLLATE "C" PRIMARY KEY,  -- deployment, project:UID or process:UID
    sequence         bigint NOT NULL,  -- of the last record
    hash             bytea NOT NULL,   -- of the last record
    sealed           bigint NOT NULL,  -- the sequence that the last checkpoint signs
    checkpoint       bigint NOT NULL,  -- the last checkpoint when the chain began; 0 before any
    checkpoint_hash  bytea NOT NULL    -- of that checkpoint; zeros before any
);

CREATE INDEX audit_chain_moved ON audit_chain (chain) WHERE sequence <> sealed;

-- Signed statements of where all chains are.
CREATE TABLE audit_checkpoint (
    number    bigint PRIMARY KEY,  -- from 1
    document  text NOT NULL        -- JSON, with its signature
);

-- The key that signs checkpoints: one row.
CREATE TABLE audit_key (
    only_row  smallint PRIMARY KEY CHECK (only_row = 1),  -- there is one
    key_kind  smallint NOT NULL,  -- how the key below is wrapped
    key_id    text NOT NULL,      -- the wrapping key
    key       bytea NOT NULL      -- wrapped: the seed of the signing key
);
