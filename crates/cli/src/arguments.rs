//! The command line, and what is said of one that is wrong. An argument too many may be a value that
//! somebody meant to store: it is never repeated.

use crate::Line;
use crate::surroundings::Surroundings;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _, FromArgMatches as _};
use std::process::ExitCode;

const TOO_MANY: &str = "there is an argument too many, which is not repeated here in case it is a \
     value: values come from standard input, --file or a prompt, and never from an argument. If it \
     was one, it is in the history of this shell now, and other processes saw it: replace it";

/// The command line of this process. A variable that is empty counts as not set.
pub(crate) fn parse(surroundings: &Surroundings) -> Result<Line, clap::Error> {
    let mut command = without_empty(Line::command(), surroundings);
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Line::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The parser itself takes an empty variable for one that says nothing where something is needed.
fn without_empty(command: Command, surroundings: &Surroundings) -> Command {
    let heeded = command.mut_args(|option| match option.get_env() {
        Some(name) if surroundings.is_empty(name) => option.env(None),
        _ => option,
    });
    heeded.mut_subcommands(|command| without_empty(command, surroundings))
}

/// Prints the help that was asked for, or says what is wrong.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    match line(error) {
        Some(line) => crate::output::remark("error", &line),
        None => drop(error.print()),
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// What is said instead of clap's own words, where those would repeat an argument.
fn line(error: &clap::Error) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::TooManyValues) {
        return None;
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let line = match text(ContextKind::InvalidArg).filter(|arg| is_plain_option(arg)) {
        Some(option) if VALUES.contains(&option) => {
            format!("there is no option {option}: {VALUE_RULE}")
        }
        Some(option) => {
            let nearest = text(ContextKind::SuggestedArg);
            let nearest = nearest.map(|nearest| format!("; did you mean {nearest}?"));
            let nearest = nearest.as_deref().unwrap_or(";");
            format!("there is no option {option} here{nearest} --help says which there are")
        }
        None => TOO_MANY.to_owned(),
    };
    Some(line)
}

/// Options under which somebody may look for a way to give a value.
const VALUES: [&str; 5] = ["--value", "--secret-value", "--payload", "--password", "--data"];
const VALUE_RULE: &str = "values come from standard input, --file or a prompt. If a value stood \
     after it, it is in the history of this shell now, and other processes saw it: replace it";

/// A word that somebody may have meant as an option, and that no generated value looks like.
fn is_plain_option(arg: &str) -> bool {
    let word = |name: &str, most| {
        (1..=most).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            && !name.starts_with('-')
    };
    match arg.strip_prefix("--") {
        Some(name) => word(name, 24),
        None => arg.strip_prefix('-').is_some_and(|name| word(name, 1)),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    fn told(line: &[&str]) -> String {
        let words = ["waxseal"].iter().chain(line);
        let error = crate::Line::command().try_get_matches_from(words).unwrap_err();
        super::line(&error).unwrap_or_else(|| error.to_string())
    }

    #[test]
    fn a_value_as_an_argument_is_refused_and_not_repeated() {
        for words in [
            &["secret", "set", "A", "c4nary"][..],
            &["secret", "set", "A", "-p", "demo", "c4nary"],
            &["secret", "set", "A", "--c4nary"],
            &["secret", "set", "A", "-----BEGIN c4nary"],
            &["secret", "set", "A", "--value=c4nary"],
            &["secret", "set", "A", "--value", "c4nary"],
            &["secret", "create", "A", "--visibility", "masked", "c4nary"],
            &["secret", "verify", "A", "c4nary"],
            &["override", "set", "A", "--stage", "live", "c4nary"],
        ] {
            let told = told(words);
            assert!(told.contains("standard input") && !told.contains("c4nary"), "{told}");
        }
    }

    #[test]
    fn a_misspelt_option_is_told_with_the_nearest() {
        let told = told(&["secret", "set", "A", "--stages", "live"]);
        let line = "there is no option --stages here; did you mean --stage? --help says which there \
                    are";
        assert_eq!(told, line);
        let told = self::told(&["secret", "set", "A", "--zzz"]);
        assert_eq!(told, "there is no option --zzz here; --help says which there are");
    }
}
