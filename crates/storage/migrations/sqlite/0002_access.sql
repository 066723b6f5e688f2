-- Principals and what they may. Content is JSON, and a MAC goes over all of a row but what it says
-- otherwise, so that a row written by hand opens nothing. Tokens of the first schema belonged to
-- nobody, and go.

-- Raised by every change of who may do what, in its transaction. 0: nobody may do anything yet.
ALTER TABLE store ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

-- Who may do something: with identities and bindings in the content.
CREATE TABLE principal (
    uid      BLOB PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    content  TEXT NOT NULL,     -- JSON: all that there is to say, uid and id too
    mac      BLOB NOT NULL      -- over the row
) STRICT;

-- Whose an identity is: to find the principal by. What the principal's content says stands.
CREATE TABLE identity (
    key        TEXT PRIMARY KEY,
    principal  BLOB NOT NULL REFERENCES principal (uid)
) STRICT, WITHOUT ROWID;

CREATE INDEX identity_by_principal ON identity (principal);

DROP TABLE api_token;

-- API tokens.
CREATE TABLE api_token (
    id         TEXT PRIMARY KEY,   -- the token's public part
    principal  BLOB NOT NULL REFERENCES principal (uid),
    hash       BLOB NOT NULL,      -- SHA-256 of 256 random bits
    content    TEXT NOT NULL,      -- JSON: role, grant, scope, expiry, revocation
    used       INTEGER,            -- when it was last used, to the minute; not under the MAC
    mac        BLOB NOT NULL       -- over the row but for the time of its use
) STRICT;

CREATE INDEX api_token_by_principal ON api_token (principal);
