//! Rights: the whole table, found by asking a server, against `golden/rights.txt`; and a refusal
//! that tells nothing. `BLESS=1` writes the golden file anew.

pub mod rows;
mod world;

pub use world::{furnish, server, undo};

use crate::support::raw::{Raw, methods};
use crate::support::{Server, default_slot, override_slot};
use rows::{Row, rows};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage};

const GOLDEN: &str = "tests/golden/rights.txt";

const HEAD: &str = "\
Who may do what. Every cell was found by calling the method on a running server.

Each row is a method, aimed at something in the environment `staging`, in its draft stage, of the
project `demo`; `UndeleteProject` at `shelved`, which is deleted, and its scopes are of that one.
Each column is a role. A letter in a cell is a scope within which the role may:

  D  the deployment             d  another project
  P  the project                e  another environment of the project, the same stage
  E  the environment and stage  s  the environment, the other stage

  .  refused: PERMISSION_DENIED, the same whether or not the target exists
  x  refused: SECRET_RESTRICTED, whatever the caller may otherwise
";

const SCOPES: [(char, &str); 6] = [
    ('D', "deployment"),
    ('P', "projects/demo"),
    ('E', "projects/demo/environments/staging/stages/draft"),
    ('d', "projects/other"),
    ('e', "projects/demo/environments/main/stages/draft"),
    ('s', "projects/demo/environments/staging/stages/live"),
];

const COLUMNS: [(&str, Role, bool); 7] = [
    ("admin", Role::Admin, false),
    ("builder", Role::Builder, false),
    ("+reveal", Role::Builder, true),
    ("runtime", Role::Runtime, false),
    ("viewer", Role::Viewer, false),
    ("auditor", Role::Auditor, false),
    ("keyholder", Role::Keyholder, false),
];

/// All that a caller gets to see of a refusal, but for the id of the call.
fn seen(status: &Status) -> (Code, String, Vec<u8>, String) {
    let mut metadata = status.metadata().clone();
    metadata.remove("x-request-id");
    metadata.remove("date");
    let details = status.details().to_vec();
    (status.code(), status.message().to_owned(), details, format!("{metadata:?}"))
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

/// Asks for one cell in one scope: allowed or not, and if not, that nothing can be told by it.
async fn ask(raw: &Raw, token: &str, row: &Row, number: usize, place: &str) -> Result<(), char> {
    let call = async |message: &Vec<u8>| raw.call(row.method, token, message.clone()).await;
    let status = match call(&(row.existing)(number)).await {
        Ok(_) => return Ok(()),
        Err(status) => status,
    };
    assert_eq!(status.code(), Code::PermissionDenied, "{place}: {status:?}");
    match reason(&status).as_str() {
        "SECRET_RESTRICTED" => Err('x'),
        "PERMISSION_DENIED" => {
            for other in row.absent.iter().chain(&row.malformed) {
                let other = call(other).await.err().unwrap_or_else(|| panic!("{place}"));
                assert_eq!(seen(&other), seen(&status), "{place}");
            }
            Err('.')
        }
        other => panic!("{place}: {other}"),
    }
}

/// A token for every column and scope.
async fn tokens(server: &Server, project: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for (_, role, reveal) in COLUMNS {
        for (_, scope) in SCOPES {
            tokens.push(server.token(role, reveal, &scope.replace("demo", project)).await);
        }
    }
    tokens
}

#[tokio::test]
async fn the_table_of_rights_is_the_golden_one() {
    let server = server().await;
    let (raw, admin) = (Raw::connect(&server.address).await, server.admin().await);
    let mut table = format!("{HEAD}\n{:42}", "");
    COLUMNS.iter().for_each(|(name, ..)| write!(table, "{name:10}").unwrap());
    let (tokens, shelved) = (tokens(&server, "demo").await, tokens(&server, "shelved").await);
    let mut number = 0;
    for row in rows() {
        let mut line = format!("{} {}", row.method, row.aim);
        line = format!("{line:42}");
        let mut tokens = match row.method {
            "UndeleteProject" => shelved.iter(),
            _ => tokens.iter(),
        };
        for (column, ..) in COLUMNS {
            let mut cell = String::new();
            for (letter, scope) in SCOPES {
                number += 1;
                let place = format!("{} {} by {column} of {scope}", row.method, row.aim);
                match ask(&raw, tokens.next().unwrap(), &row, number, &place).await {
                    Ok(()) => {
                        cell.push(letter);
                        undo(&admin, &row.undo).await;
                    }
                    Err(mark) => cell.push(mark),
                }
            }
            write!(line, "{cell:10}").unwrap();
        }
        write!(table, "\n{}", line.trim_end()).unwrap();
    }
    table.push('\n');
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &table).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(table == expected, "{GOLDEN} differs; with BLESS=1 it would become\n{table}");
}

#[test]
fn every_method_has_a_row() {
    let asked: BTreeSet<_> = rows().iter().map(|row| row.method.to_owned()).collect();
    let defined: BTreeSet<_> =
        methods().iter().map(|(_, method)| method.name().to_owned()).collect();
    assert_eq!(asked, defined);
}

/// Of every row that names the project, one call at least is about a project that is not there: the
/// refusals of callers whose rights lie in another are compared with it.
#[test]
fn every_row_about_a_project_is_about_an_absent_one_too() {
    let names = |message: &Vec<u8>, name: &str| {
        message.windows(name.len()).any(|bytes| bytes == name.as_bytes())
    };
    let mut about = BTreeSet::new();
    for row in rows() {
        if ["projects/demo", "projects/shelved"].iter().any(|name| names(&(row.existing)(0), name))
        {
            // It refuses nobody, and says of either that nothing is permitted.
            if row.method == "TestPermissions" {
                continue;
            }
            let absent = row.absent.iter().any(|message| names(message, "projects/gone"));
            assert!(absent, "{} {}", row.method, row.aim);
            about.insert(row.method);
        }
    }
    assert!(about.len() > 30, "{about:?}");
}

#[tokio::test]
async fn permissions_in_another_project_tell_nothing_of_what_is_there() {
    let server = server().await;
    let admin = server.client(Role::Admin, false, "projects/other").await;
    let within = ["", "/environments/staging/stages/draft", "/environments/gone/stages/draft"];
    for project in ["demo", "gone", "shelved"] {
        for rest in within {
            let scope = format!("projects/{project}{rest}");
            let may = admin.may(&scope, &["GetSecret", "CreateSecret"]).await.unwrap();
            assert!(may.is_empty(), "{scope}: {may:?}");
        }
    }
}

#[tokio::test]
async fn a_caller_with_the_right_is_told_that_something_is_absent() {
    let server = server().await;
    let raw = Raw::connect(&server.address).await;
    for row in rows().iter().filter(|row| !row.aim.starts_with("restricted")) {
        let (role, reveal) = match row.method {
            "ResolveEnvironment" | "ResolveSecrets" | "WatchEnvironment" | "RenderTemplates" => {
                (Role::Runtime, false)
            }
            "RevealSecretValue" => (Role::Builder, true),
            "ListAuditEvents" => (Role::Auditor, false),
            _ => (Role::Admin, false),
        };
        let token = server.token(role, reveal, "deployment").await;
        for message in &row.absent {
            let status = raw.call(row.method, &token, message.clone()).await.unwrap_err();
            let expected = match row.method {
                "CreateProject" | "ImportProject" | "CreatePrincipal" => Code::AlreadyExists,
                _ => Code::NotFound,
            };
            assert_eq!(status.code(), expected, "{}: {status:?}", row.method);
        }
        for message in &row.malformed {
            let answer = raw.call(row.method, &token, message.clone()).await;
            // A read of one object has nothing beside its name that could be wrong.
            if let Err(status) = answer {
                let fits = [Code::InvalidArgument, Code::NotFound, Code::Aborted];
                assert!(fits.contains(&status.code()), "{}: {status:?}", row.method);
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_said_to_be_none_whoever_asks() {
    let server = server().await;
    let raw = Raw::connect(&server.address).await;
    let token = server.token(Role::Keyholder, false, "deployment").await;
    for row in rows() {
        let Some(message) = row.unnamed else { continue };
        let status = raw.call(row.method, &token, message).await.unwrap_err();
        let is = (status.code(), reason(&status));
        assert_eq!(is, (Code::InvalidArgument, "INVALID_NAME".to_owned()), "{}", row.method);
    }
}

#[tokio::test]
async fn a_right_does_not_pass_to_an_environment_made_anew() {
    let server = server().await;
    let scope = "projects/demo/environments/staging/stages/live";
    let runtime = server.client(Role::Runtime, false, scope).await;
    runtime.resolve("demo", "staging", Stage::Live).await.unwrap();
    let admin = server.admin().await;
    let name = "projects/demo/environments/staging".to_owned();
    let request = v1::DeleteEnvironmentRequest { name, force: true, ..Default::default() };
    admin.environments.clone().delete_environment(request).await.unwrap();
    let gone = runtime.resolve("demo", "staging", Stage::Live).await.unwrap_err();
    admin.create_environment("demo", "staging").await.unwrap();
    let anew = runtime.resolve("demo", "staging", Stage::Live).await.unwrap_err();
    assert_eq!(seen(&gone), seen(&anew));
    assert_eq!(reason(&anew), "PERMISSION_DENIED");
    let fresh = server.client(Role::Runtime, false, scope).await;
    fresh.resolve("demo", "staging", Stage::Live).await.unwrap();
}

#[tokio::test]
async fn a_restricted_value_is_shown_to_nobody_and_costs_no_key_operation() {
    let server = server().await;
    let builder = server.builder().await;
    let before = server.key_operations();
    for slot in [default_slot(), override_slot("staging", Stage::Draft)] {
        let status = builder.reveal("demo", "KEY_R", slot).await.unwrap_err();
        assert_eq!(reason(&status), "SECRET_RESTRICTED");
    }
    assert_eq!(server.key_operations(), before);
}
