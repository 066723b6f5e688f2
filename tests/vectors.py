#!/usr/bin/env python3
"""Recomputes the golden vectors of crates/envelope with a second implementation.

Written from the documentation of that crate (the heads of record.rs, context.rs, key.rs and
manifest.rs) and not from its code, so an error would have to be made twice to go unnoticed.
Needs Python 3.9 and the package `cryptography`. Run it as

    python3 tests/vectors.py [FILE]

It prints a line and exits with 0 if every vector is as computed here; otherwise it names those
that are not, prints what it computed instead, and exits with 1.
"""

import hashlib
import hmac
import json
import sys
import uuid
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

VECTORS = Path(__file__).parent.parent / "crates" / "envelope" / "vectors" / "v1.json"

PURPOSE = {"value": 1, "view": 2, "wrapped_key": 3, "page_token": 4}
STAGE = {"draft": 1, "live": 2}
VISIBILITY = {"masked": 1, "restricted": 2}
PAYLOAD = {"text": 1, "bytes": 2}
FALLBACK = {"allow": 1, "deny": 2}


def number(value, size):
    return value.to_bytes(size, "big")


def identity(text):
    return uuid.UUID(text).bytes


def text(value):
    """A text with its length in eight bytes; {"text": "ab", "times": 3} stands for "ababab"."""
    value = plain(value)
    return number(len(value), 8) + value


def plain(value):
    if isinstance(value, dict):
        value = value["text"] * value["times"]
    return value.encode()


def maybe(value, encode):
    return b"\x00" if value is None else b"\x01" + encode(value)


def flag(value):
    return b"\x01" if value else b"\x00"


# Contexts


def field(tag, content):
    """A full field goes on in the next, which may be empty."""
    out = b""
    while len(content) >= 0xFFFF:
        out += number(tag, 1) + b"\xff\xff" + content[:0xFFFF]
        content = content[0xFFFF:]
    return out + number(tag, 1) + number(len(content), 2) + content


def slot_of(slot):
    if slot == "default":
        return b"\x00"
    return b"\x01" + identity(slot["environment"]) + number(STAGE[slot["stage"]], 1)


def entries_of(entries):
    by_bytes = sorted(entries.items(), key=lambda entry: entry[0].encode())
    return number(len(by_bytes), 8) + b"".join(text(k) + text(v) for k, v in by_bytes)


FIELDS = {
    "deployment": (3, identity),
    "project": (4, identity),
    "secret": (5, identity),
    "slot": (6, slot_of),
    "value": (7, identity),
    "visibility": (8, lambda name: number(VISIBILITY[name], 1)),
    "payload": (9, lambda name: number(PAYLOAD[name], 1)),
    "incarnation": (10, identity),
    "environment": (11, identity),
    "stage": (12, lambda name: number(STAGE[name], 1)),
    "revision": (13, lambda value: number(value, 8)),
    "schema": (14, lambda value: number(value, 4)),
    "key_id": (15, plain),
    "entries": (16, entries_of),
}
COMPLETE = {
    "value": {"deployment", "project", "secret", "slot", "value", "visibility", "payload"},
    "view": {
        "deployment", "project", "incarnation", "environment", "stage", "revision", "schema",
    },
    "wrapped_key": {"key_id", "entries"},
    "page_token": set(),
}


def context_of(place):
    given = {name: content for name, content in place.items() if name != "purpose"}
    assert set(given) == COMPLETE[place["purpose"]], f"fields of {place}"
    fields = [(1, b"\x01"), (2, number(PURPOSE[place["purpose"]], 1))]
    fields += [(FIELDS[name][0], FIELDS[name][1](content)) for name, content in given.items()]
    return b"".join(field(tag, content) for tag, content in sorted(fields))


# Records and keys


def sealed(key, salt, purpose, context, plaintext):
    header = bytes([1, 1, PURPOSE[purpose], 0])
    th = hashlib.sha256(header + number(len(context), 4) + context).digest()

    def expand(label, length):
        info = label + b"\x01" + th
        return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(key)

    okm = expand(b"waxseal1:key", 44)
    body = AESGCM(okm[:32]).encrypt(okm[32:], plaintext, header + context)
    return header + salt + expand(b"waxseal1:commit", 32) + body


def derived(key, label):
    info = b"waxseal1:derive:" + label.encode()
    return HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(key)


def mac_of(key, parts):
    message = b"waxseal1:mac:" + b"".join(number(len(part), 8) + part for part in parts)
    return hmac.new(key, message, "sha256").digest()


# The manifest


def slot_entry(slot):
    return (
        number(slot["version"], 8)
        + number(slot["highest"], 8)
        + identity(slot["value"])
        + bytes.fromhex(slot["history"])
        + maybe(slot["sealed"], bytes.fromhex)
    )


def catalogue_entry(entry):
    aliases = sorted(entry["aliases"], key=str.encode)
    return (
        identity(entry["secret"])
        + text(entry["name"])
        + number(len(aliases), 8)
        + b"".join(map(text, aliases))
        + number(VISIBILITY[entry["visibility"]], 1)
        + flag(entry["deleted"])
        + maybe(entry["default"], slot_entry)
    )


def group(entry):
    return number(entry["revision"], 8) + bytes.fromhex(entry["digest"])


def environment_entry(entry):
    return (
        identity(entry["environment"])
        + text(entry["id"])
        + number(FALLBACK[entry["fallback"]], 1)
        + flag(entry["protected"])
        + group(entry["draft"])
        + group(entry["live"])
    )


def rows(entries, by, encode):
    """By identity, whose bytes are in the order of their hexadecimal digits."""
    ordered = sorted(entries, key=lambda entry: identity(entry[by]))
    return number(len(ordered), 8) + b"".join(map(encode, ordered))


def catalogue(vector):
    head = text("waxseal1:manifest:catalogue") + identity(vector["project"])
    return hashlib.sha256(head + rows(vector["entries"], "secret", catalogue_entry)).digest()


def overrides(vector):
    head = (
        text("waxseal1:manifest:overrides")
        + identity(vector["project"])
        + identity(vector["environment"])
        + number(STAGE[vector["stage"]], 1)
    )
    entries = rows(
        vector["entries"],
        "secret",
        lambda entry: identity(entry["secret"]) + slot_entry(entry["slot"]),
    )
    return hashlib.sha256(head + entries).digest()


def root(vector):
    encoded = (
        text("waxseal1:manifest:root")
        + identity(vector["deployment"])
        + identity(vector["project"])
        + text(vector["id"])
        + number(vector["revision"], 8)
        + bytes([vector["deleted"]])
        + bytes.fromhex(vector["catalogue"])
        + rows(vector["environments"], "environment", environment_entry)
    )
    return mac_of(bytes.fromhex(vector["key"]), [encoded])


# What each kind of vector promises: the name of the output, and how it is computed


def record(vector):
    place = vector["context"]
    key, salt, plaintext = (bytes.fromhex(vector[name]) for name in ("key", "salt", "plaintext"))
    return sealed(key, salt, place["purpose"], context_of(place), plaintext)


OUTPUTS = {
    "records": {"context_bytes": lambda v: context_of(v["context"]), "record": record},
    "derived_keys": {"derived": lambda v: derived(bytes.fromhex(v["key"]), v["label"])},
    "macs": {
        "mac": lambda v: mac_of(bytes.fromhex(v["key"]), list(map(bytes.fromhex, v["parts"])))
    },
    "catalogues": {"digest": catalogue},
    "overrides": {"digest": overrides},
    "roots": {"mac": root},
}
# Left out where it would be long; the record depends on it all the same.
OPTIONAL = {"context_bytes"}


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else VECTORS
    vectors = json.loads(path.read_text())
    assert set(vectors) == set(OUTPUTS), "kinds of vectors"
    count, wrong = 0, 0
    for kind, outputs in OUTPUTS.items():
        assert vectors[kind], f"no {kind}"
        for vector in vectors[kind]:
            count += 1
            for name, compute in outputs.items():
                if name in OPTIONAL and name not in vector:
                    continue
                computed = compute(vector).hex()
                if vector.get(name) != computed:
                    wrong += 1
                    print(f"{kind}: {vector['name']}: {name} should be {computed}")
    verdict = "agree" if wrong == 0 else f"{wrong} outputs differ"
    print(f"{path.name}: {count} vectors recomputed, {verdict}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
