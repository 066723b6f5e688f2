-- A row in every table of the first schema, as SQLite reads it.
INSERT INTO store (only_row, deployment, incarnation, service_key_kind, service_key_id, service_key,
    created, unscrubbed)
VALUES (1, x'01010101010101010101010101010101', x'02020202020202020202020202020202', 1, 'key',
    x'03', 4, 0);

INSERT INTO project (uid, id, display_name, edition, created, updated, revision, last_xid,
    integrity_key_kind, integrity_key_id, integrity_key, fingerprint_key_kind, fingerprint_key_id,
    fingerprint_key, deleted, purge, catalogue, manifest)
VALUES (x'11111111111111111111111111111111', 'demo', 'Demo', 1, 1, 2, 7, '1', 1, 'key', x'0a', 1,
    'key', x'0b', NULL, NULL,
    x'0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c',
    x'0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d');

INSERT INTO environment (uid, project, id, display_name, fallback, protected, edition, created,
    updated, draft_revision, draft_digest, live_revision, live_digest)
VALUES (x'12121212121212121212121212121212', x'11111111111111111111111111111111', 'main', '', 1, 0,
    1, 1, 2, 6, x'0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e', 7,
    x'0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f');

INSERT INTO secret (uid, project, name, folded, visibility, description, edition, created, updated,
    deleted, purge)
VALUES (x'13131313131313131313131313131313', x'11111111111111111111111111111111', 'KEY', 'key', 2,
    'A key', 1, 1, 2, NULL, NULL);

INSERT INTO alias (project, name, secret)
VALUES (x'11111111111111111111111111111111', 'OLD', x'13131313131313131313131313131313');

INSERT INTO slot (project, environment, stage, secret, current, highest, edition, updated, history)
VALUES (x'11111111111111111111111111111111', x'12121212121212121212121212121212', 2,
    x'13131313131313131313131313131313', 1, 1, 1, 2,
    x'00000000000000011414141414141414141414141414141414141414141414141414141414141414');

INSERT INTO value (secret, environment, stage, version, uid, created, kind, wrapped_key_kind,
    wrapped_key_id, wrapped_key, sealed, sealed_digest, fingerprint, destroyed, mac)
VALUES (x'13131313131313131313131313131313', x'12121212121212121212121212121212', 2, 1,
    x'15151515151515151515151515151515', 2, 1, 1, 'key', x'16', x'17',
    x'1818181818181818181818181818181818181818181818181818181818181818',
    x'1919191919191919191919191919191919191919191919191919191919191919', 0,
    x'1414141414141414141414141414141414141414141414141414141414141414');

INSERT INTO request (principal, id, body, answer, created)
VALUES ('admin', x'1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a', x'1b', '{}', 3);

INSERT INTO audit (at, principal, action) VALUES (3, 'admin', 'CreateProject');

INSERT INTO api_token (id, hash, caller, created, mac)
VALUES ('4fT0aZq81LxB', x'1c', '{}', 3, x'1d');
