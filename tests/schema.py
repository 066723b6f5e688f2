#!/usr/bin/env python3
"""Says which documents fit a JSON Schema: `schema.py SCHEMA < DOCUMENTS > ANSWERS`.

DOCUMENTS is a JSON array of texts, ANSWERS one of booleans. A text that is no JSON (RFC 8259)
fits no schema.
"""

import json
import sys

from jsonschema import Draft202012Validator


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    json.dump([fits(validator, text) for text in json.load(sys.stdin)], sys.stdout)


def fits(validator, text):
    try:
        document = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return validator.is_valid(document)


def refuse(constant):
    raise ValueError(f"{constant} is no JSON")


if __name__ == "__main__":
    main()
