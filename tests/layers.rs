//! How the house is built, held by a test: which crate may know which, and that the documents
//! name what there is.

use crate::support::binary;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every crate of the workspace, and those of the workspace that it may use.
const FLOORS: [(&str, &[&str]); 11] = [
    ("waxseal-proto", &[]),
    ("waxseal-domain", &[]),
    ("waxseal-memory", &[]),
    ("waxseal-envelope", &["waxseal-domain", "waxseal-memory"]),
    ("waxseal-storage", &["waxseal-domain"]),
    ("waxseal-cache", &["waxseal-domain"]),
    // The local provider wraps keys in the same sealed record as everything else.
    ("waxseal-kms", &["waxseal-domain", "waxseal-envelope"]),
    (
        "waxseal-engine",
        &["waxseal-domain", "waxseal-envelope", "waxseal-kms", "waxseal-storage", "waxseal-cache"],
    ),
    (
        "waxseal-server",
        &[
            "waxseal-proto",
            "waxseal-domain",
            "waxseal-engine",
            "waxseal-kms",
            "waxseal-storage",
            "waxseal-cache",
        ],
    ),
    (
        "waxseal-cli",
        &["waxseal-proto", "waxseal-domain", "waxseal-memory", "waxseal-engine", "waxseal-server"],
    ),
    (
        "waxseal-bench",
        // Of the key providers, the key service that it measures with.
        &["waxseal-proto", "waxseal-domain", "waxseal-kms", "waxseal-engine", "waxseal-server"],
    ),
];

/// What only these crates may use: each neighbour is one crate's.
const NEIGHBOURS: [(&str, &[&str]); 16] = [
    ("tonic", &["waxseal-proto", "waxseal-server", "waxseal-cli", "waxseal-bench"]),
    ("prost", &["waxseal-proto", "waxseal-server", "waxseal-cli", "waxseal-bench"]),
    // The key providers' crate has a key service of its own, for tests.
    ("hyper", &["waxseal-server", "waxseal-cli", "waxseal-kms"]),
    ("aws", &["waxseal-kms"]),
    ("redis", &["waxseal-cache", "waxseal-bench"]),
    ("tokio-postgres", &["waxseal-storage", "waxseal-bench"]),
    ("deadpool", &["waxseal-storage"]),
    // The benchmark measures the least that a transaction costs.
    ("rusqlite", &["waxseal-storage", "waxseal-bench"]),
    ("aes-gcm", &["waxseal-envelope"]),
    ("hkdf", &["waxseal-envelope"]),
    ("hmac", &["waxseal-envelope"]),
    ("sha2", &["waxseal-envelope"]),
    ("opentelemetry", &["waxseal-server"]),
    ("prometheus-client", &["waxseal-server"]),
    // Signatures, with the library that TLS has already.
    ("ring", &["waxseal-engine", "waxseal-server"]),
    ("x509-parser", &["waxseal-server"]),
];

/// What the wire needs, and all that it needs.
const WIRE: [&str; 4] = ["prost", "prost-types", "tonic", "tonic-prost"];

const TOP_LEVEL: [&str; 10] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "build.rs",
    "crates",
    "deploy",
    "proto",
    "tests",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> Metadata {
    let manifest = root().join("Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap()
}

/// What a crate uses outside its tests and its build script.
fn used(package: &Package) -> Vec<&str> {
    let normal = |kind: &DependencyKind| *kind == DependencyKind::Normal;
    package.dependencies.iter().filter(|d| normal(&d.kind)).map(|d| d.name.as_str()).collect()
}

/// Every file of the repository.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() {
            if name != ".git" && path != root().join("target") {
                files(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

fn sources(dir: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root().join(dir), &mut found);
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(!found.is_empty(), "{dir}");
    found
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The words of a text, made of these characters.
fn words(text: &str, of: fn(char) -> bool) -> BTreeSet<&str> {
    text.split(|c| !of(c)).filter(|word| !word.is_empty()).collect()
}

#[test]
fn each_crate_knows_only_the_floors_below() {
    let metadata = metadata();
    let packages = metadata.workspace_packages();
    let names: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, FLOORS.iter().map(|(name, _)| *name).collect());
    let mut trespasses = Vec::new();
    for package in packages {
        let (_, below) = FLOORS.iter().find(|(name, _)| *name == package.name.as_str()).unwrap();
        let ours = used(package).into_iter().filter(|other| names.contains(other));
        let above = ours.filter(|other| !below.contains(other));
        trespasses.extend(above.map(|other| format!("{} uses {other}", package.name)));
    }
    assert!(trespasses.is_empty(), "{trespasses:?}");
}

#[test]
fn each_neighbour_is_met_by_its_own_crates_only() {
    for package in metadata().workspace_packages() {
        for other in used(package) {
            for (neighbour, crates) in NEIGHBOURS {
                let is = other == neighbour
                    || other.starts_with(&format!("{neighbour}-"))
                    || other.starts_with(&format!("{neighbour}_"));
                assert!(
                    !is || crates.contains(&package.name.as_str()),
                    "{} uses {other}",
                    package.name
                );
            }
        }
    }
}

#[test]
fn the_wire_needs_nothing_but_the_wire() {
    let metadata = metadata();
    let packages = metadata.workspace_packages();
    let wire = packages.iter().find(|package| package.name.as_str() == "waxseal-proto").unwrap();
    let used: BTreeSet<_> = used(wire).into_iter().collect();
    assert_eq!(used, WIRE.into_iter().collect());
}

/// Code that the compiler cannot vouch for is in one small crate.
#[test]
fn every_crate_but_the_one_forbids_unsafe_code() {
    let inherits = |name: &str| {
        let manifest = read(&format!("crates/{}/Cargo.toml", name.trim_start_matches("waxseal-")));
        manifest.contains("[lints]\nworkspace = true")
    };
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    for (name, _) in FLOORS.iter().filter(|(name, _)| *name != "waxseal-proto") {
        assert_eq!(inherits(name), *name != "waxseal-memory", "{name}");
    }
}

#[test]
fn only_the_wiring_names_what_is_behind_the_traits() {
    let words = |source: &str| {
        let name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        words(source, name).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let names = |path: &Path| {
        let source = std::fs::read_to_string(path).unwrap();
        // `use crate::{A, B}` reads as `use crate::A` here.
        let imported = source.split("use waxseal_").skip(1).any(|rest| {
            let import = rest.split(';').next().unwrap_or_default();
            let of_a_trait = import.starts_with("kms::") || import.starts_with("cache::");
            let named = |word: &String| {
                ["Local", "Redis", "Aws"]
                    .iter()
                    .any(|name| word.split("::").any(|part| part == *name))
            };
            of_a_trait && words(import).iter().any(named)
        });
        imported
            || words(&source).iter().any(|word| {
                word.split("::").any(|part| ["Sqlite", "Postgres"].contains(&part))
                    || word.contains("kms::Local")
                    || word.contains("cache::Local")
            })
    };
    let wiring = root().join("crates/server/src/wiring");
    assert!(names(&wiring.join("store.rs")), "the test can tell");
    for dir in ["crates/server/src", "crates/engine/src", "crates/cli/src"] {
        for path in sources(dir) {
            assert!(
                path.starts_with(&wiring) || path == wiring.with_extension("rs") || !names(&path),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn the_map_of_the_crates_is_right() {
    let map = read("crates/README.md");
    let name = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == '/';
    let words = words(&map, name);
    let metadata = metadata();
    let packages = metadata.workspace_packages();
    let names: BTreeSet<_> = packages.iter().map(|package| package.name.to_string()).collect();
    for word in &words {
        if let Some(path) = word.strip_prefix("crates/") {
            let path = path.split('/').next().unwrap_or_default();
            let fine = path.is_empty() || root().join("crates").join(path).exists();
            assert!(fine, "there is no crates/{path}");
        }
        let package = word.replace('_', "-");
        if package.starts_with("waxseal-") && !package.contains('/') {
            assert!(names.contains(&package), "there is no crate {word}");
        }
    }
    for package in names {
        let short = package.trim_start_matches("waxseal-");
        let names = [&*package, &format!("crates/{short}")];
        assert!(names.iter().any(|name| words.contains(name)), "{package} is not on the map");
    }
    // Files that are named stand where they are said to.
    for quoted in map.split('`').skip(1).step_by(2) {
        let path = quoted.contains('/') && quoted.ends_with(".rs") && !quoted.contains(['*', '{']);
        let exists =
            || [root(), &root().join("crates")].iter().any(|dir| dir.join(quoted).exists());
        assert!(!path || exists(), "there is no {quoted}");
    }
}

#[test]
fn the_readme_names_every_variable_and_no_other() {
    let help = |command: &[&str]| {
        let help = binary::command().args(command).arg("--help").output().unwrap();
        assert!(help.status.success());
        String::from_utf8(help.stdout).unwrap()
    };
    // Those of the server, and those of the commands that call it.
    let help = help(&["serve"]) + &help(&["secret", "reveal"]);
    let readme = read("README.md");
    let variables = |text: &str| -> BTreeSet<String> {
        let name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let found = words(text, name).into_iter().filter(|word| word.starts_with("WAXSEAL_"));
        // `WAXSEAL_*` stands for all of them.
        found.filter(|word| *word != "WAXSEAL_").map(str::to_owned).collect()
    };
    let known = variables(&help);
    assert!(known.contains("WAXSEAL_LISTEN"), "{help}");
    assert_eq!(variables(&readme), known);
}

#[test]
fn the_top_level_is_what_a_visitor_expects() {
    let visible: BTreeSet<_> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    assert_eq!(visible, TOP_LEVEL.iter().map(|name| (*name).to_owned()).collect());
    assert!(read(".gitignore").lines().any(|line| line == "/target"));
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let mut telling = vec![root().to_str().unwrap().to_owned()];
    // In two pieces, for this file is looked at too.
    telling.extend([["/ho", "me/"], ["/Us", "ers/"]].map(|pieces| pieces.concat()));
    let home = std::env::var("HOME").unwrap_or_default();
    if home.len() > 1 {
        telling.push(format!("{home}/"));
    }
    let mut found = Vec::new();
    files(root(), &mut found);
    for path in found {
        let content = std::fs::read(&path).unwrap();
        for place in &telling {
            let is = content.windows(place.len()).any(|window| window == place.as_bytes());
            assert!(!is, "{} holds {place}", path.display());
        }
    }
}
