//! A tour: read from a document, and played in a shell.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

/// Commands, and lines that their output must have.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// The line of the document where the commands begin.
    pub(super) line: usize,
    pub(super) commands: String,
    pub(super) expected: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Tour {
    pub(super) steps: Vec<Step>,
}

impl Tour {
    /// The tour that stands under a heading.
    pub(super) fn read(document: &str, heading: &str) -> Result<Self, String> {
        let mut lines = document.lines().enumerate().skip_while(|(_, line)| *line != heading);
        lines.next().ok_or_else(|| format!("there is no section {heading}"))?;
        let mut steps: Vec<Step> = Vec::new();
        while let Some((number, line)) = lines.next() {
            if line.starts_with("## ") {
                break;
            }
            let Some(mark) = line.strip_prefix("```") else { continue };
            let mut block = Vec::new();
            loop {
                match lines.next() {
                    Some((_, "```")) => break,
                    Some((_, line)) => block.push(line),
                    None => return Err(format!("the block of line {} has no end", number + 1)),
                }
            }
            match (mark, steps.last_mut()) {
                ("sh", _) => {
                    let commands = block.iter().map(|line| format!("{line}\n")).collect();
                    steps.push(Step { line: number + 2, commands, expected: Vec::new() });
                }
                ("text" | "json", Some(step)) => {
                    let lines = block.iter().map(|line| squeezed(line));
                    step.expected.extend(lines.filter(|line| !line.is_empty() && line != "..."));
                }
                _ => return Err(format!("line {}: a block marked {mark:?}", number + 1)),
            }
        }
        Ok(Self { steps })
    }

    /// The same tour with the server at another address.
    pub(super) fn at(mut self, said: &str, real: &str) -> Self {
        for step in &mut self.steps {
            step.commands = step.commands.replace(said, real);
            for line in &mut step.expected {
                *line = line.replace(said, real);
            }
        }
        self
    }
}

/// Plays a tour in one shell, so that what a step sets is there in the next.
pub(super) fn play(tour: &Tour, shell: &mut Command) -> Result<(), String> {
    const END: &str = "----- end of the step -----";
    const FAILED: &str = "----- failed -----";
    let mut script = format!("exec 2>&1\nset -u\ntrap 'echo \"{FAILED}\"' ERR\n");
    for step in &tour.steps {
        // The newline is for output that ends without one.
        let _ = writeln!(script, "{}printf '\\n%s\\n' '{END}'", step.commands);
    }
    let shell = shell.args(["-c", &script]).stdin(Stdio::null()).output();
    let output = shell.map_err(|error| error.to_string())?;
    let output = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    let mut outputs = output.split(END);
    for Step { line, commands, expected } in &tour.steps {
        let printed = outputs.next().unwrap_or_default();
        let wrong = |what: &str| Err(format!("line {line}: {what}\n\n{commands}\n{printed}"));
        // What is after the last end is not a step.
        if outputs.clone().next().is_none() {
            return wrong("the shell ended");
        }
        let failed = printed.contains(FAILED);
        let refused = expected.iter().any(|line| line.starts_with("Code: "));
        match (failed, refused) {
            (true, false) => return wrong("a command failed"),
            (false, true) => return wrong("every command succeeded, and a refusal was expected"),
            _ => {}
        }
        let mut lines = printed.lines().map(squeezed);
        for line in expected {
            if !lines.any(|printed| fits(line, &printed)) {
                return wrong(&format!("this was expected, after the lines before it: {line}"));
            }
        }
    }
    Ok(())
}

/// A line without the white space around it, and with single spaces in it.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a line is as expected; `...` is anything.
fn fits(expected: &str, line: &str) -> bool {
    let mut parts = expected.split("...");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |last: &str| rest.ends_with(last))
}
