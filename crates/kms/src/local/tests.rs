use super::*;
use crate::contract::{Subject, contract};
use crate::{Counted, Counts};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use tempfile::TempDir;

const T0: Timestamp = Timestamp::from_micros(0);

fn deployment() -> Deployment {
    Deployment::from_bytes([1; 16])
}

/// A directory that goes away with the test, and the path of a key file in it.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys").join("local.json");
    (directory, path)
}

fn created() -> (TempDir, PathBuf, Local) {
    let (directory, path) = place();
    let local = Local::create(&path, deployment(), T0).unwrap();
    (directory, path, local)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn message<T>(result: Result<T, FileError>) -> String {
    result.err().unwrap().to_string()
}

/// The file with a part of its text replaced.
fn edited(path: &Path, from: &str, to: &str) -> Result<Local, FileError> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
    Local::load(path)
}

struct Plain {
    _directory: TempDir,
    local: Local,
}

#[async_trait::async_trait]
impl Subject for Plain {
    fn provider(&self) -> &dyn KeyProvider {
        &self.local
    }
    async fn rotate(&self) {
        self.local.rotate(T0).unwrap();
    }
    async fn disable(&self, key_id: &str) {
        self.local.disable(key_id).unwrap();
    }
}

struct Counting {
    _directory: TempDir,
    local: Counted<Local>,
}

#[async_trait::async_trait]
impl Subject for Counting {
    fn provider(&self) -> &dyn KeyProvider {
        &self.local
    }
    async fn rotate(&self) {
        self.local.inner().rotate(T0).unwrap();
    }
    async fn disable(&self, key_id: &str) {
        self.local.inner().disable(key_id).unwrap();
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    contract(async || {
        let (directory, _, local) = created();
        Plain { _directory: directory, local }
    })
    .await;
}

#[tokio::test]
async fn it_keeps_the_contract_when_counted() {
    contract(async || {
        let (directory, _, local) = created();
        Counting { _directory: directory, local: Counted::new(local) }
    })
    .await;
}

#[tokio::test]
async fn every_call_is_counted_and_so_are_failures() {
    let (_directory, _, local) = created();
    let counted = Counted::new(local);
    let context = KeyContext::service(deployment());
    let (_, wrapped) = counted.generate(&context).await.unwrap();
    assert!(counted.unwrap(&wrapped, &context).await.is_ok());
    assert!(counted.unwrap(&wrapped, &KeyContext::canary(deployment())).await.is_err());
    assert_eq!(counted.counts(), Counts { generate: 1, unwrap: 2, ..Counts::default() });
}

#[tokio::test]
async fn what_was_wrapped_before_a_restart_unwraps_after_it() {
    let (_directory, path, local) = created();
    let context = KeyContext::service(deployment());
    let (key, wrapped) = local.generate(&context).await.unwrap();
    local.rotate(T0).unwrap();
    let active = local.active_key_id();
    drop(local);

    let loaded = Local::load(&path).unwrap();
    assert_eq!(loaded.deployment(), deployment());
    assert_eq!(loaded.active_key_id(), active);
    assert_eq!(loaded.unwrap(&wrapped, &context).await.unwrap().expose(), key.expose());
}

#[tokio::test]
async fn a_key_can_be_disabled_and_enabled_again() {
    let (_directory, path, local) = created();
    let context = KeyContext::service(deployment());
    let (_, wrapped) = local.generate(&context).await.unwrap();
    local.disable(&wrapped.key_id).unwrap();
    let revoked = Some(Error::Revoked { key_id: wrapped.key_id.clone() });
    assert_eq!(Local::load(&path).unwrap().unwrap(&wrapped, &context).await.err(), revoked);
    local.enable(&wrapped.key_id).unwrap();
    assert!(local.unwrap(&wrapped, &context).await.is_ok());
    assert!(message(local.disable("local:0")).ends_with("holds no key local:0"));
}

#[test]
fn the_file_and_its_new_directories_are_private() {
    let (directory, _) = place();
    let path = directory.path().join("a").join("b").join("local.json");
    let local = Local::create(&path, deployment(), T0).unwrap();
    for part in ["a", "a/b"] {
        assert_eq!(mode(&directory.path().join(part)), 0o700, "{part}");
    }
    assert_eq!(mode(&path), 0o600);
    local.rotate(T0).unwrap();
    assert_eq!(mode(&path), 0o600);
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file is left: {left:?}");
}

#[test]
fn a_file_is_never_replaced_by_a_new_one() {
    let (_directory, path, local) = created();
    assert!(message(Local::create(&path, deployment(), T0)).contains("exists already"));
    assert_eq!(Local::load(&path).unwrap().active_key_id(), local.active_key_id());
}

#[test]
fn a_link_to_nowhere_is_not_followed_when_a_file_is_made() {
    let (directory, path) = place();
    let target = directory.path().join("target");
    fs::DirBuilder::new().mode(0o700).create(path.parent().unwrap()).unwrap();
    symlink(&target, &path).unwrap();
    assert!(message(Local::create(&path, deployment(), T0)).contains("exists already"));
    assert!(!target.exists());
}

#[test]
fn a_directory_that_others_may_enter_is_refused_with_the_fix() {
    let (directory, path) = place();
    fs::DirBuilder::new().mode(0o700).create(path.parent().unwrap()).unwrap();
    set_mode(path.parent().unwrap(), 0o750);
    let refusal = message(Local::create(&path, deployment(), T0));
    let fix = format!("run: chmod 700 '{}'", directory.path().join("keys").display());
    assert!(refusal.contains("mode 0750") && refusal.contains(&fix), "{refusal}");
    assert!(!path.exists());
}

#[test]
fn a_file_that_others_may_use_is_refused_with_the_fix() {
    let (_directory, path, local) = created();
    for open in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601] {
        set_mode(&path, open);
        let refusal = message(Local::load(&path));
        let fix = format!("run: chmod 600 '{}'", path.display());
        assert!(refusal.contains(&format!("mode {open:04o}")), "{refusal}");
        assert!(refusal.contains(&fix), "{refusal}");
        assert!(matches!(local.rotate(T0), Err(FileError::Exposed { .. })));
    }
    set_mode(&path, 0o400);
    assert!(Local::load(&path).is_ok());
}

#[test]
fn only_a_regular_file_is_read() {
    let (directory, path, _) = created();
    let link = directory.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(matches!(Local::load(&link), Err(FileError::Link { .. })));
    assert!(matches!(Local::load(directory.path()), Err(FileError::Irregular { .. })));
    let absent = directory.path().join("absent");
    assert!(matches!(Local::load(&absent), Err(FileError::Absent { .. })));

    let pipe = directory.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert!(matches!(Local::load(&pipe), Err(FileError::Irregular { .. })));
}

#[test]
fn a_file_of_someone_else_is_refused() {
    let (_directory, mut path, _) = created();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(1), None).unwrap();
    } else {
        path = PathBuf::from("/etc/passwd");
    }
    assert!(matches!(Local::load(&path), Err(FileError::Foreign { .. })));
}

#[test]
fn a_file_of_another_shape_is_refused() {
    let shapes: [(&str, &str, &str); 9] = [
        ("\"version\": 1", "\"version\": 2", "its version is not 1"),
        ("\"version\": 1", "\"version\": 1, \"more\": 1", "is not a key file: line"),
        ("\"version\": 1", "\"version\": 1, \"version\": 1", "is not a key file: line"),
        ("\"state\": \"enabled\"", "\"state\": \"lost\"", "is not a key file: line"),
        ("\"active\": \"local:", "\"active\": \"local:0", "the active key is missing"),
        ("\"id\": \"local:", "\"id\": \"local:0", "does not belong to its material"),
        ("\"material\": \"", "\"material\": \"AAAA", "is not 32 bytes in base64"),
        ("\"material\": \"", "\"material\": \"!", "is not 32 bytes in base64"),
        ("}\n", "} x", "is not a key file: line"),
    ];
    for (from, to, why) in shapes {
        let (_directory, path, _) = created();
        let refusal = message(edited(&path, from, to));
        assert!(refusal.contains(why), "{from} -> {to}: {refusal}");
    }
}

#[test]
fn a_key_does_not_stand_in_a_file_twice() {
    let (_directory, path, _) = created();
    let text = fs::read_to_string(&path).unwrap();
    let (start, end) = (text.find('[').unwrap() + 1, text.find(']').unwrap());
    let key = text[start..end].to_owned();
    assert!(message(edited(&path, &key, &format!("{key},{key}"))).contains("twice"));
}

#[test]
fn what_a_file_holds_does_not_reach_a_message() {
    let (_directory, path, _) = created();
    let canary = "CANARYCANARYCANARY";
    for from in ["\"version\": 1", "\"state\": \"enabled\"", "\"created\": 0"] {
        let name = from.split(':').next().unwrap();
        let refused = edited(&path, from, &format!("{name}: \"{canary}\"")).err().unwrap();
        assert!(!format!("{refused} {refused:?}").contains(canary));
    }
}

#[test]
fn a_file_of_any_length_is_not_read_whole() {
    let (_directory, path, _) = created();
    let file = fs::OpenOptions::new().write(true).mode(0o600).open(&path).unwrap();
    file.set_len(65_537).unwrap();
    assert!(matches!(Local::load(&path), Err(FileError::TooLarge { .. })));
}

#[test]
fn too_many_keys_are_refused_before_the_file_is_touched() {
    let (_directory, path, local) = created();
    let (mut before, mut turns) = (fs::read(&path).unwrap(), 0);
    while local.rotate(T0).is_ok() {
        before = fs::read(&path).unwrap();
        turns += 1;
    }
    assert!((300..1_000).contains(&turns), "{turns}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(Local::load(&path).unwrap().active_key_id(), local.active_key_id());
}

#[test]
fn a_rotation_keeps_the_keys_that_another_process_added() {
    let (_directory, path, local) = created();
    let other = Local::load(&path).unwrap();
    let theirs = other.rotate(T0).unwrap();
    let ours = local.rotate(T0).unwrap();
    let loaded = Local::load(&path).unwrap();
    assert_eq!(loaded.active_key_id(), ours);
    assert!(loaded.disable(&theirs).is_ok());
}

#[test]
fn rotations_at_the_same_time_lose_no_key() {
    let (_directory, path, _) = created();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let local = Local::load(&path).unwrap();
                for _ in 0..5 {
                    local.rotate(T0).unwrap();
                }
            });
        }
    });
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("\"material\"").count(), 21);
}

#[test]
fn a_file_that_lost_a_key_is_not_written_to() {
    let (_directory, path, local) = created();
    fs::remove_file(&path).unwrap();
    assert!(matches!(local.rotate(T0), Err(FileError::Absent { .. })));
    Local::create(&path, deployment(), T0).unwrap();
    assert!(matches!(local.rotate(T0), Err(FileError::Replaced { .. })));
}

#[test]
fn ids_are_fingerprints() {
    let (_directory, path, local) = created();
    let id = local.active_key_id();
    let hex = id.strip_prefix("local:").unwrap();
    assert!(hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_ne!(local.rotate(T0).unwrap(), id);
    assert!(fs::read_to_string(&path).unwrap().contains(&id));
}

#[test]
fn a_wrapped_key_prints_short() {
    let wrapped =
        WrappedKey { kind: KeyKind::Direct, key_id: "local:0".to_owned(), bytes: vec![7; 116] };
    assert_eq!(format!("{wrapped:?}"), "WrappedKey(Direct, local:0, 116 bytes)");
}
