//! A gRPC client that is not ours, as the command `grpcurl`.

use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What `tests/run` says about the tools it found or installed.
pub fn tool(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

/// The Python of `tests/run`, with grpcio, cryptography and jsonschema.
pub fn python() -> PathBuf {
    tool("TEST_PYTHON").expect("TEST_PYTHON is not set: run the tests with tests/run")
}

/// Puts a `grpcurl` into this directory: the real one, or buf in its clothes.
pub fn install(dir: &Path) -> PathBuf {
    let path = dir.join("grpcurl");
    if let Some(grpcurl) = tool("TEST_GRPCURL") {
        symlink(grpcurl, &path).unwrap();
    } else if tool("TEST_BUF").is_some() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/grpcurl.py");
        let quoted = |path: &Path| format!("'{}'", path.to_str().unwrap().replace('\'', r"'\''"));
        let text = format!("#!/bin/sh\nexec {} {} \"$@\"\n", quoted(&python()), quoted(&script));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    } else {
        panic!("neither TEST_GRPCURL nor TEST_BUF is set: run the tests with tests/run");
    }
    path
}

/// The PATH with this directory in front.
pub fn path_with(dir: &Path) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(dir.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(dirs).unwrap()
}
