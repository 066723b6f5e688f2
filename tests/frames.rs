//! Calls that are wrong as calls: frames, paths, headers and metadata. Each is made by a caller
//! with every right and by one with none, to a method that tonic serves and to one that is served
//! past it, and has to be refused alike. The process logs all it can, and nothing of it is there.

pub mod bytes;
mod headers;
mod messages;
mod panics;
mod paths;
mod request_ids;
pub mod wire;

use crate::support::Setup;
use crate::support::binary::{Serving, command, first_token};
use crate::support::raw::path;
use crate::support::refusal::read;
use prost::Message as _;
use std::process::Stdio;
use tonic::Code;
use waxseal_proto::v1::{self, Stage};
use wire::{Answer, Call, Wire};

/// Somewhere in what is wrong, and nowhere in what is said about it.
const CANARY: &str = "canary-Vd83kQz";

/// A process, its callers, and a connection.
struct World {
    serving: Serving,
    wire: Wire,
    admin: String,
    runtime: String,
    stderr: std::path::PathBuf,
    _setup: (Setup, tempfile::TempDir),
}

/// A method, who may call it, and who may not.
struct Target<'a> {
    path: &'static str,
    message: Vec<u8>,
    allowed: &'a str,
    denied: &'a str,
}

impl World {
    async fn start() -> Self {
        let setup = Setup::sqlite();
        let beside = tempfile::tempdir().unwrap();
        let (stdout, stderr) = (beside.path().join("out"), beside.path().join("err"));
        let mut serve = command();
        serve.args(["serve", "--listen", "127.0.0.1:0", "--log", "trace", "--data-dir"]);
        serve.arg(setup.data_dir()).env("RUST_BACKTRACE", "full");
        serve.stderr(Stdio::from(std::fs::File::create(&stderr).unwrap()));
        let serving = Serving::start_into(&mut serve, &stdout);
        let admin = first_token(&setup.data_dir());
        let made = command()
            .args(["token", "create", "--scope", "deployment", "--expires", "1h"])
            .args(["--role", "runtime", "--data-dir"])
            .arg(setup.data_dir())
            .output()
            .unwrap();
        let runtime = String::from_utf8(made.stdout).unwrap().trim_end().to_owned();
        let wire = Wire::connect(&serving.url()).await;
        let world = Self { serving, wire, admin, runtime, stderr, _setup: (setup, beside) };
        let create =
            v1::CreateProjectRequest { project_id: "demo".to_owned(), ..Default::default() };
        let create = Call::new(path("CreateProject"), &create.encode_to_vec());
        let made = world.wire.call(create.bearer(&world.admin)).await.unwrap();
        assert_eq!(made.status.as_ref().map(tonic::Status::code), Some(Code::Ok), "{made:?}");
        world
    }

    fn targets(&self) -> [Target<'_>; 2] {
        let get = v1::GetProjectRequest { name: "projects/demo".to_owned() };
        let resolve = v1::ResolveEnvironmentRequest {
            name: "projects/demo/environments/main".to_owned(),
            stage: Stage::Live.into(),
            ..Default::default()
        };
        [
            Target {
                path: path("GetProject"),
                message: get.encode_to_vec(),
                allowed: &self.admin,
                denied: &self.runtime,
            },
            Target {
                path: path("ResolveEnvironment"),
                message: resolve.encode_to_vec(),
                allowed: &self.runtime,
                denied: &self.admin,
            },
        ]
    }

    /// Makes what `wrong` makes of a good call, of each method and by each caller: it is refused
    /// with this code and reason, and in the same words whatever the caller may do.
    async fn refuses(
        &self,
        what: &str,
        code: Code,
        reason: &str,
        wrong: impl Fn(Call, &[u8]) -> Call,
    ) {
        for target in self.targets() {
            let mut told = Vec::new();
            for token in [target.allowed, target.denied] {
                let call = Call::new(target.path, &target.message).bearer(token);
                let answer = self.wire.call(wrong(call, &target.message)).await;
                let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}"));
                let status = answer.status.as_ref().unwrap_or_else(|| panic!("{what}: {answer:?}"));
                let refusal = read(status);
                assert_eq!((refusal.code, &*refusal.reason), (code, reason), "{what}");
                is_ours(&answer);
                told.push(answer.told());
            }
            assert_eq!(told[0], told[1], "{what}: it tells what the caller may do");
        }
    }

    /// The same for what is not wrong: it is done for whom may have it done.
    async fn passes(&self, what: &str, right: impl Fn(Call, &[u8]) -> Call) {
        for target in self.targets() {
            for (token, code) in
                [(target.allowed, Code::Ok), (target.denied, Code::PermissionDenied)]
            {
                let call = Call::new(target.path, &target.message).bearer(token);
                let answer = self.wire.call(right(call, &target.message)).await.unwrap();
                let status = answer.status.as_ref().unwrap();
                assert_eq!(status.code(), code, "{what}: {status:?}");
                is_ours(&answer);
            }
        }
    }

    /// Whether there is a project of this id.
    async fn has(&self, project: &str) -> bool {
        let get = v1::GetProjectRequest { name: format!("projects/{project}") };
        let call = Call::new(path("GetProject"), &get.encode_to_vec()).bearer(&self.admin);
        self.wire.call(call).await.unwrap().status.unwrap().code() == Code::Ok
    }

    /// Ends the process: nothing of what was wrong is in its log, which is not empty.
    fn ends(mut self) {
        self.serving.terminate();
        self.serving.child.wait().unwrap();
        let log = std::fs::read_to_string(&self.stderr).unwrap();
        assert!(log.contains("stopping"), "{log}");
        for secret in [CANARY, &*self.admin, &*self.runtime] {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

/// What every answer fulfils: an id of ours, and nothing of what came in.
fn is_ours(answer: &Answer) {
    let id = answer.headers["x-request-id"].to_str().unwrap();
    let id = uuid::Uuid::parse_str(id).unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert!(!format!("{answer:?}").contains(CANARY), "{answer:?}");
    assert!(!String::from_utf8_lossy(&answer.body).contains(CANARY));
    let details = answer.status.as_ref().map_or(0, |status| status.details().len());
    assert!(details <= 8 * 1024, "{details} bytes of details");
}
