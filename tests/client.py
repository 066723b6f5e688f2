#!/usr/bin/env python3
"""Plays the story against a running server with Python's own gRPC.

    client.py PROTO_DIR STUB_DIR ADDRESS

The stubs are generated from PROTO_DIR into STUB_DIR. Three tokens come from the environment:
ADMIN_TOKEN, BUILDER_TOKEN (with the reveal grant) and RUNTIME_TOKEN. The project `python` must
not be there yet. Needs Python 3.9, grpcio and grpcio-tools.
"""

import os
import sys
import uuid
from pathlib import Path

import grpc
from grpc_tools import protoc

PROJECT = "projects/python"


def generate(protos, stubs):
    files = [str(path.relative_to(protos)) for path in sorted(protos.rglob("*.proto"))]
    assert files, f"no definitions in {protos}"
    wellknown = Path(protoc.__file__).parent / "_proto"
    arguments = [f"-I{protos}", f"-I{wellknown}", f"--python_out={stubs}"]
    arguments += [f"--grpc_python_out={stubs}"]
    assert protoc.main(["protoc", *arguments, *files]) == 0, "the stubs are generated"
    # `google` is also where the runtime lives: what was generated is added to it.
    import google

    sys.path.insert(0, str(stubs))
    google.__path__.append(str(stubs / "google"))


def fields(message):
    """The length-delimited fields of an encoded message; enough for google.rpc.Status."""

    def varint(at):
        value = shift = 0
        while True:
            byte = message[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value, at

    found, at = [], 0
    while at < len(message):
        key, at = varint(at)
        if key & 7 == 0:
            _, at = varint(at)
        else:
            assert key & 7 == 2, f"wire type {key & 7}"
            length, at = varint(at)
            found.append((key >> 3, message[at : at + length]))
            at += length
    return found


def error_info(error):
    """Reason and domain of the one ErrorInfo that every refusal has."""
    trailers = dict(error.trailing_metadata())
    details = [any_ for tag, any_ in fields(trailers["grpc-status-details-bin"]) if tag == 3]
    infos = [any_ for any_ in details if b"google.rpc.ErrorInfo" in any_]
    assert len(infos) == 1, f"{len(infos)} ErrorInfo"
    info = dict(fields(dict(fields(infos[0]))[2]))
    return info[1].decode(), info[2].decode()


class Caller:
    """All services, called with one token."""

    def __init__(self, channel, token):
        from waxseal.v1 import environment_pb2_grpc, project_pb2_grpc, runtime_pb2_grpc
        from waxseal.v1 import secret_pb2_grpc

        self.metadata = [("authorization", f"Bearer {token}")]
        self.stubs = [
            project_pb2_grpc.ProjectServiceStub(channel),
            environment_pb2_grpc.EnvironmentServiceStub(channel),
            secret_pb2_grpc.SecretServiceStub(channel),
            runtime_pb2_grpc.RuntimeServiceStub(channel),
        ]
        self.calls = 0

    def __getattr__(self, method):
        from waxseal.v1 import environment_pb2, project_pb2, runtime_pb2, secret_pb2

        name, files = method + "Request", (project_pb2, environment_pb2, secret_pb2, runtime_pb2)
        request = next(getattr(file, name) for file in files if hasattr(file, name))
        stub = next(getattr(stub, method) for stub in self.stubs if hasattr(stub, method))

        def call(**arguments):
            self.calls += 1
            return stub(request(**arguments), metadata=self.metadata, timeout=30)

        return call


def refused(code, reason, call, **arguments):
    try:
        call(**arguments)
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} and not {code}"
        assert error_info(error) == (reason, "waxseal.dev"), error_info(error)
        assert "hunter" not in str(error), "a value stands in an error"
        return
    raise AssertionError(f"{reason} was expected, and the call succeeded")


def unauthenticated_services(channel):
    """Health, and both versions of reflection, by raw bytes: no stub is needed."""

    def raw(path, streaming):
        make = channel.stream_stream if streaming else channel.unary_unary
        return make(path, request_serializer=bytes, response_deserializer=bytes)

    assert raw("/grpc.health.v1.Health/Check", False)(b"", timeout=30) == b"\x08\x01"
    for version in ("v1", "v1alpha"):
        path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        (answer,) = raw(path, True)(iter([b"\x3a\x00"]), timeout=30)
        for service in (b"waxseal.v1.SecretService", b"waxseal.v1.RuntimeService"):
            assert service in answer, f"{service} by reflection {version}"


def values(view):
    from waxseal.v1.view_pb2 import Origin

    def value(payload):
        kind = payload.WhichOneof("payload")
        assert payload.HasField("crc32c")
        return getattr(payload, kind)

    return {
        entry.secret: (value(entry.payload), Origin.Name(entry.origin), entry.version)
        for entry in view.secrets
    }


def story(admin, builder, runtime):
    code = grpc.StatusCode
    main, staging, copy = (f"{PROJECT}/environments/{id}" for id in ("main", "staging", "copy"))
    live = {"environment": "staging", "stage": "STAGE_LIVE"}
    default = {"default": {}}

    project = admin.CreateProject(project_id="python", project={"display_name": "Pythön"}).project
    assert (project.name, project.display_name) == (PROJECT, "Pythön")
    admin.CreateEnvironment(parent=PROJECT, environment_id="staging")

    def create(name, visibility, **payload):
        arguments = {"payload": payload} if payload else {}
        return builder.CreateSecret(
            parent=PROJECT, secret_id=name, secret={"visibility": visibility}, **arguments
        )

    secret = create("MASKED", "VISIBILITY_MASKED", text="hunter2\n")
    assert [warning.code for warning in secret.warnings] == [1]
    create("TIGHT", "VISIBILITY_RESTRICTED", data=bytes(range(256)))
    assert not create("LATER", "VISIBILITY_MASKED").secret.has_value
    listed = builder.ListSecrets(parent=PROJECT)
    assert [s.name.split("/")[-1] for s in listed.secrets] == ["LATER", "MASKED", "TIGHT"]
    assert listed.total_size == 3

    name = f"{PROJECT}/secrets/MASKED"
    shown = builder.RevealSecretValue(name=name, slot=default)
    assert (shown.payload.text, shown.version) == ("hunter2\n", 1)
    for slot in (default, {"override": live}):
        refused(
            code.PERMISSION_DENIED,
            "SECRET_RESTRICTED",
            builder.RevealSecretValue,
            name=f"{PROJECT}/secrets/TIGHT",
            slot=slot,
        )

    arguments = {
        "name": name,
        "slot": {"override": live},
        "payload": {"text": "hunter3"},
        "request_id": str(uuid.uuid4()),
    }
    written = builder.SetSecretValue(**arguments)
    assert written == builder.SetSecretValue(**arguments), "a retry gets the first answer"
    arguments["payload"] = {"text": "hunter4"}
    refused(code.INVALID_ARGUMENT, "REQUEST_ID_REUSED", builder.SetSecretValue, **arguments)
    refused(
        code.ABORTED,
        "ETAG_MISMATCH",
        builder.ClearSecretValue,
        name=name,
        slot={"override": live},
        etag="stale",
    )

    expected = {
        "MASKED": ("hunter2\n", "ORIGIN_DEFAULT", 1),
        "TIGHT": (bytes(range(256)), "ORIGIN_DEFAULT", 1),
    }
    for environment, stage in ((main, "STAGE_LIVE"), (staging, "STAGE_DRAFT")):
        view = runtime.ResolveEnvironment(name=environment, stage=stage)
        assert values(view) == expected
        assert [unset.secret for unset in view.unset] == ["LATER"]
    expected["MASKED"] = ("hunter3", "ORIGIN_OVERRIDE", 1)
    consistency = {"at_least": {"revision": written.revision}}
    view = runtime.ResolveEnvironment(name=staging, stage="STAGE_LIVE", consistency=consistency)
    assert values(view) == expected
    again = runtime.ResolveEnvironment(
        name=staging, stage="STAGE_LIVE", if_revision_not=view.revision
    )
    assert again.not_modified and not again.secrets

    cloned = builder.CloneEnvironment(name=staging, environment_id="copy")
    assert [(o.secret, o.stage) for o in cloned.overrides_not_copied] == [("MASKED", 2)]
    admin.UpdateEnvironment(environment={"name": copy, "fallback": "FALLBACK_DENY"})
    view = runtime.ResolveEnvironment(name=copy, stage="STAGE_LIVE")
    assert not view.secrets
    assert [unset.reason for unset in view.unset] == [1, 2, 2]
    named = {"name": copy, "stage": "STAGE_LIVE", "secrets": ["MASKED"]}
    refused(code.FAILED_PRECONDITION, "SECRET_UNSET", runtime.ResolveSecrets, **named)
    named["secrets"].append("NEVER")
    refused(code.NOT_FOUND, "SECRET_NOT_FOUND", runtime.ResolveSecrets, **named)

    builder.DeleteSecret(name=name)
    assert "MASKED" not in values(runtime.ResolveEnvironment(name=staging, stage="STAGE_LIVE"))
    builder.UndeleteSecret(name=name)
    assert values(runtime.ResolveEnvironment(name=staging, stage="STAGE_LIVE")) == expected

    refused(
        code.PERMISSION_DENIED,
        "PERMISSION_DENIED",
        admin.ResolveEnvironment,
        name=main,
        stage="STAGE_LIVE",
    )


def main():
    protos, stubs, address = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    generate(protos, stubs)
    with grpc.insecure_channel(address) as channel:
        unauthenticated_services(channel)
        tokens = ("ADMIN_TOKEN", "BUILDER_TOKEN", "RUNTIME_TOKEN")
        callers = [Caller(channel, os.environ[token]) for token in tokens]
        story(*callers)
        stranger = Caller(channel, "wxs_none")
        refused(
            grpc.StatusCode.UNAUTHENTICATED,
            "CREDENTIALS_INVALID",
            stranger.GetProject,
            name=PROJECT,
        )
    calls = sum(caller.calls for caller in callers)
    print(f"the story was played with grpcio {grpc.__version__} in {calls} calls")


if __name__ == "__main__":
    main()
