#!/usr/bin/env python3
"""Stands in for grpcurl where only buf can be had: `buf curl` under grpcurl's flags.

It takes what the tests and the README use: -plaintext, -H, -d, and then ADDRESS followed by
`list`, `list SERVICE`, `describe SERVICE` or a method. Refusals are printed as grpcurl prints
them. TEST_BUF says where buf is.
"""

import base64
import json
import os
import subprocess
import sys

CODES = (
    "OK canceled unknown invalid_argument deadline_exceeded not_found already_exists "
    "permission_denied resource_exhausted failed_precondition aborted out_of_range unimplemented "
    "internal unavailable data_loss unauthenticated"
).split()


def main(arguments):
    headers, data, words = [], None, []
    rest = iter(arguments)
    for word in rest:
        if word in ("-H", "-d"):
            content = next(rest)
            if word == "-H":
                headers += ["-H", content]
            else:
                data = content
        elif word.startswith("-") and word != "-plaintext":
            sys.exit(f"{word} is not known here: put grpcurl itself on the PATH")
        elif word != "-plaintext":
            words.append(word)
    address, *words = words
    url = f"http://{address}"
    if words == ["list"]:
        return run(["--list-services", url])
    if words[0] in ("list", "describe"):
        return methods(url, words[0], words[1])
    return run(headers + ["-d", masked(data or "{}"), f"{url}/{words[0]}"])


def masked(data):
    """grpcurl writes a field mask as any other message, and buf as a text."""
    request = json.loads(data)
    mask = request.get("update_mask")
    if isinstance(mask, dict):
        request["update_mask"] = ",".join(mask["paths"])
    return json.dumps(request)


def buf(arguments):
    command = [os.environ["TEST_BUF"], "curl", "--protocol", "grpc", "--http2-prior-knowledge"]
    return subprocess.run(command + arguments, capture_output=True, text=True)


def run(arguments):
    done = buf(arguments)
    sys.stdout.write(done.stdout)
    if done.returncode == 0:
        return 0
    try:
        refusal = json.loads(done.stderr)
    except json.JSONDecodeError:
        sys.stderr.write(done.stderr)
        return 1
    code = "".join(word.capitalize() for word in refusal["code"].split("_"))
    lines = ["ERROR:", f"  Code: {code}", f"  Message: {refusal['message']}"]
    details = [detail(found) for found in refusal.get("details", [])]
    if details:
        lines.append("  Details:")
    for number, found in enumerate(details, 1):
        shown = json.dumps(found, indent=2, sort_keys=True).splitlines()
        lines.append(f"  {number})\t{shown[0]}")
        lines += [f"    \t{line}" for line in shown[1:]]
    print("\n".join(lines), file=sys.stderr)
    return 64 + CODES.index(refusal["code"])


def detail(found):
    """An ErrorInfo in full; of any other detail its type alone."""
    shown = {"@type": "type.googleapis.com/" + found["type"]}
    if found["type"] == "google.rpc.ErrorInfo":
        encoded = base64.b64decode(found["value"] + "===")
        texts = {1: "reason", 2: "domain"}
        while encoded:
            # Texts of less than 128 bytes, and what follows them is a map that is left out.
            tag, length, encoded = encoded[0] >> 3, encoded[1], encoded[2:]
            if tag not in texts:
                break
            shown[texts[tag]] = encoded[:length].decode()
            encoded = encoded[length:]
    return shown


def methods(url, verb, service):
    done = buf(["--list-methods", url])
    sys.stderr.write(done.stderr)
    names = [name.split("/") for name in done.stdout.split()]
    found = [name for owner, name in names if owner == service]
    if not found:
        sys.exit(f"{service} is no service; buf describes nothing else")
    if verb == "describe":
        print(f"{service} is a service:")
    for name in found:
        print(f"{service}.{name}" if verb == "list" else f"  rpc {name}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
