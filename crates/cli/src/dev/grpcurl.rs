//! Commands to paste into a shell.

use super::demo::{PASTED, PROJECT, REVEALED};
use crate::output::say;
use std::path::Path;
use waxseal_domain::caller::Role;

/// Where the commands go, and where they find their tokens.
pub(super) struct Grpcurl<'a> {
    pub(super) address: &'a str,
    pub(super) dir: &'a Path,
}

impl Grpcurl<'_> {
    /// Prints the commands, each on one line of its own.
    pub(super) fn print(&self) {
        let staging = format!("{PROJECT}/environments/staging");
        let secret = format!("{PROJECT}/secrets/{REVEALED}");
        say(
            "\nTry it, from another terminal (grpcurl: https://github.com/fullstorydev/grpcurl):\n",
        );
        self.line(
            "Resolve all of staging, live, as an agent does",
            Role::Runtime,
            "RuntimeService/ResolveEnvironment",
            &format!(r#"{{"name": "{staging}", "stage": "STAGE_LIVE"}}"#),
        );
        self.line(
            "List the secrets, which never shows a value",
            Role::Builder,
            "SecretService/ListSecrets",
            &format!(r#"{{"parent": "{PROJECT}"}}"#),
        );
        self.line(
            "Reveal a masked value",
            Role::Builder,
            "SecretService/RevealSecretValue",
            &format!(r#"{{"name": "{secret}", "slot": {{"default": {{}}}}}}"#),
        );
        self.line(
            "Override it in staging, live",
            Role::Builder,
            "SecretService/SetSecretValue",
            &format!(
                r#"{{"name": "{secret}", "slot": {{"override": {{"environment": "staging", "stage": "STAGE_LIVE"}}}}, "payload": {{"text": "{PASTED}"}}}}"#
            ),
        );
        self.line(
            "Resolve that one secret there",
            Role::Runtime,
            "RuntimeService/ResolveSecrets",
            &format!(
                r#"{{"name": "{staging}", "stage": "STAGE_LIVE", "secrets": ["{REVEALED}"]}}"#
            ),
        );
        say("Ctrl-C stops the server; the data stays where it is.");
    }

    fn line(&self, what: &str, role: Role, method: &str, request: &str) {
        say(&format!("{what}:\n{}\n", self.command(role, method, request)));
    }

    fn command(&self, role: Role, method: &str, request: &str) -> String {
        let Self { address, dir } = self;
        let token = quoted(&dir.join(format!("{}.token", role.as_str())).display().to_string());
        let to = match address.strip_prefix("unix:") {
            Some(path) => format!("-unix {}", quoted(path)),
            None => quoted(address),
        };
        let request = quoted(request);
        // grpcurl takes options first, and of them -unix has no argument: the path is the address.
        format!(
            "grpcurl -plaintext -H \"authorization: Bearer $(cat {token})\" -d {request} {to} \
             waxseal.v1.{method}"
        )
    }
}

/// One word for a shell, whatever is in it; also within `$( )` in double quotes.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_shell_reads_the_words_as_they_were() {
        for word in ["/a/b-c.d", "with space", "it's", "$HOME `id` \"x\" \\", "[::1]:7466", "*"] {
            let script = format!("printf %s \"$(printf %s {})\"", quoted(word));
            let out = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), word);
        }
    }

    #[test]
    fn a_command_is_one_line() {
        let grpcurl = Grpcurl { address: "127.0.0.1:7466", dir: Path::new("/d") };
        assert_eq!(
            grpcurl.command(Role::Runtime, "RuntimeService/ResolveEnvironment", "{}"),
            "grpcurl -plaintext -H \"authorization: Bearer $(cat /d/runtime.token)\" -d '{}' \
             127.0.0.1:7466 waxseal.v1.RuntimeService/ResolveEnvironment"
        );
        let grpcurl = Grpcurl { address: "unix:/s", dir: Path::new("/d") };
        assert!(grpcurl.command(Role::Runtime, "M", "{}").contains(" -d '{}' -unix /s "));
    }
}
