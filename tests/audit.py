"""Verifies an export of the audit trail: `audit.py EXPORT KEY`.

A second implementation, from the documentation in crates/engine/src/audit/record.rs and
checkpoint.rs. It knows hashes and signatures and nothing else.
"""

import hashlib
import json
import struct
import sys
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def uid(text):
    return uuid.UUID(text).bytes


def number(value):
    return struct.pack(">q", value)


TEXT = str.encode
FIELDS = {
    1: ("chain", TEXT),
    2: ("at", number),
    3: ("principal", TEXT),
    4: ("credential", TEXT),
    5: ("action", TEXT),
    6: ("project", uid),
    7: ("project_id", TEXT),
    8: ("environment", uid),
    9: ("environment_id", TEXT),
    10: ("stage", lambda name: bytes([["draft", "live"].index(name) + 1])),
    11: ("secret", uid),
    12: ("secret_name", TEXT),
    13: ("version", number),
    14: ("revision", number),
    15: ("view_revision", number),
    16: ("outcome", TEXT),
    17: ("request", uid),
    18: ("count", number),
    19: ("until", number),
    20: ("resource", TEXT),
    21: ("grant", TEXT),
    22: ("call", uid),
}


def tlv(tag, content):
    return struct.pack(">BH", tag, len(content)) + content


def record_bytes(record):
    fields = [tlv(0, b"\x01")]
    for tag, (name, encode) in FIELDS.items():
        if name in record:
            fields.append(tlv(tag, encode(record[name])))
    unknown = set(record) - {name for name, _ in FIELDS.values()}
    assert unknown == {"type", "sequence", "hash"}, unknown
    return b"".join(fields)


def genesis(deployment, chain, checkpoint, checkpoint_hash):
    fields = [b"\x01", b"waxseal:audit:genesis", uid(deployment), chain.encode()]
    fields += [number(checkpoint), bytes.fromhex(checkpoint_hash)]
    return hashlib.sha256(b"".join(tlv(*field) for field in enumerate(fields))).digest()


def checkpoint_bytes(checkpoint):
    fields = [
        (0, b"\x01"),
        (1, b"waxseal:audit:checkpoint"),
        (2, uid(checkpoint["deployment"])),
        (3, number(checkpoint["number"])),
        (4, number(checkpoint["at"])),
        (5, bytes.fromhex(checkpoint["previous"])),
    ]
    if "adopted" in checkpoint:
        fields.append((6, bytes.fromhex(checkpoint["adopted"])))
    for head in checkpoint["heads"]:
        fields.append((7, number(head["sequence"]) + bytes.fromhex(head["hash"]) + head["chain"].encode()))
    for head in checkpoint["projects"]:
        fields.append((8, uid(head["project"]) + uid(head["incarnation"]) + number(head["revision"])))
    return b"".join(struct.pack(">BQ", tag, len(content)) + content for tag, content in fields)


def main(export, key):
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    heads, records, previous, deployment = {}, 0, bytes(32), None
    for line in open(export, encoding="utf-8"):
        line = json.loads(line)
        kind = line["type"]
        if kind == "trail":
            deployment = line["deployment"]
        elif kind == "chain":
            begin = genesis(deployment, line["chain"], line["checkpoint"], line["checkpoint_hash"])
            heads[line["chain"]] = (0, begin)
        elif kind == "record":
            sequence, before = heads[line["chain"]]
            assert line["sequence"] == sequence + 1, line
            after = hashlib.sha256(before + number(line["sequence"]) + record_bytes(line)).digest()
            assert after.hex() == line["hash"], line
            heads[line["chain"]] = (line["sequence"], after)
            records += 1
        elif kind == "checkpoint":
            content, signature = checkpoint_bytes(line), bytes.fromhex(line["signature"])
            key.verify(signature, content)
            assert line["previous"] == previous.hex(), line
            previous = hashlib.sha256(content + signature).digest()
        if kind in ("checkpoint", "head"):
            for head in line.get("heads", [line]):
                assert heads[head["chain"]] == (head["sequence"], bytes.fromhex(head["hash"])), head
    print(f"{records} records verified")


main(*sys.argv[1:])
