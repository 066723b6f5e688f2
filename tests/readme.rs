//! The five-minute tour of the README, executed line by line.
//!
//! In the section `## Five-minute tour` a block marked `sh` holds commands. A block marked `text`
//! or `json` after it holds what must appear in their output: each of its lines, in this order,
//! others may stand between; `...` stands for anything within a line. Commands must succeed, but
//! for those of a block that is followed by a refusal (`Code:` and a code): one of them must fail.

mod tour;

use crate::support::binary::{self, Serving};
use crate::support::grpcurl;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use tour::{Tour, play};

const HEADING: &str = "## Five-minute tour";
/// Where the tour says that the server listens.
const ADDRESS: &str = "127.0.0.1:7466";

#[test]
fn the_tour_goes_as_the_readme_says() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("there is a README.md");
    let tour = Tour::read(&readme, HEADING).expect("the README has a tour");
    assert!(tour.steps.len() >= 3, "{} steps are no tour", tour.steps.len());

    let (home, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    grpcurl::install(tools.path());
    symlink(binary::waxseal(), tools.path().join("waxseal")).unwrap();
    let at_home = |command: &mut Command| {
        let data = home.path().join(".local/share");
        command.env("HOME", home.path()).env("XDG_DATA_HOME", data);
    };
    let mut dev = binary::command();
    at_home(dev.args(["dev", "--listen", "127.0.0.1:0"]));
    let serving = Serving::start(&mut dev);

    let tour = tour.at(ADDRESS, &serving.address);
    let mut shell = Command::new("bash");
    at_home(shell.env("PATH", grpcurl::path_with(tools.path())).current_dir(home.path()));
    if let Err(difference) = play(&tour, &mut shell) {
        panic!("{difference}");
    }
}

#[test]
fn the_first_rights_are_given_as_the_readme_says() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("there is a README.md");
    let walk = Tour::read(&readme, "## Principals and tokens").expect("the README says how");
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let mut serve = binary::command();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data);
    let serving = Serving::start(&mut serve);

    let walk = walk.at("DIR", data.to_str().unwrap());
    let tools = binary::waxseal().parent().unwrap();
    let mut shell = Command::new("bash");
    shell.env("PATH", grpcurl::path_with(tools)).env("HOME", home.path());
    shell.env_remove("XDG_CONFIG_HOME").env("WAXSEAL_ADDRESS", serving.url());
    if let Err(difference) = play(&walk, &mut shell) {
        panic!("{difference}");
    }
    let mode = std::fs::metadata(home.path().join("agent.token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

const SAMPLE: &str = r#"
# Sample

```sh
echo "before the tour"; exit 1
```

## Five-minute tour

Words, and `code`.

```sh
export GREETING="hello at 127.0.0.1:7466"
```

```sh
# What was exported is there.
echo "$GREETING" \
  and more
echo '{'; echo '  "name":  "demo",'; echo '  "uid": "01abc"'; echo '}'
```

```json
{
  "name": "demo",
  "uid": "..."
}
```

```sh
echo "ERROR:" >&2; echo "  Code: PermissionDenied" >&2; (exit 71)
```

```text
ERROR:
  Code: PermissionDenied
```

## Another section

```sh
exit 1
```
"#;

fn played(sample: &str) -> Result<(), String> {
    play(&Tour::read(sample, HEADING).unwrap().at(ADDRESS, "[::1]:1"), &mut Command::new("bash"))
}

#[test]
fn a_tour_is_read_from_its_section() {
    let tour = Tour::read(SAMPLE, HEADING).unwrap().at(ADDRESS, "[::1]:1");
    assert_eq!(tour.steps.len(), 3);
    assert_eq!(tour.steps[0].commands, "export GREETING=\"hello at [::1]:1\"\n");
    assert!(tour.steps[0].expected.is_empty());
    assert_eq!(tour.steps[1].expected.len(), 4);
    assert!(Tour::read(SAMPLE, "## Ten-minute tour").is_err());
    let open = SAMPLE.replace("## Another section", "").replace("exit 1\n```\n", "exit 1\n");
    assert!(Tour::read(&open, HEADING).is_err(), "a block has an end");
    let alone = SAMPLE.replacen("```sh\nexport", "```json\nexport", 1);
    assert!(Tour::read(&alone, HEADING).is_err(), "output follows commands");
}

#[test]
fn a_tour_that_goes_otherwise_is_noticed() {
    played(SAMPLE).unwrap();
    for (what, instead, told) in [
        // Something else is printed.
        (r#"  "name": "demo","#, r#"  "name": "other","#, "\"name\": \"other\""),
        (r#"  "uid": "...""#, r#"  "uid": "...","#, "\"uid\": \"...\","),
        // The order is another.
        ("{\n  \"name\": \"demo\",\n", "  \"name\": \"demo\",\n{\n", "{"),
        // A command fails that should not.
        ("echo \"$GREETING\"", "false; echo \"$GREETING\"", "failed"),
        ("export GREETING=", "export A=b; nowhere-to-be-found; GREETING=", "failed"),
        // A refusal is none.
        ("; (exit 71)", "", "succeeded"),
        // The shell goes away.
        ("# What was exported is there.", "exit 0", "ended"),
        ("# What was exported is there.", "cd \"$NOT_SET\"", "ended"),
    ] {
        assert!(SAMPLE.contains(what), "{what}");
        let difference = played(&SAMPLE.replacen(what, instead, 1)).unwrap_err();
        assert!(difference.contains(told), "{told}: {difference}");
    }
}
