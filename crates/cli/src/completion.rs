//! `waxseal completion`

use crate::failure::Failure;
use crate::{Line, output};
use clap::CommandFactory as _;

/// Prints a script that completes commands and options in a shell.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completion {
    /// The shell.
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  source <(waxseal completion bash)                              in ~/.bashrc
  waxseal completion zsh > \"${fpath[1]}/_waxseal\"
  waxseal completion fish > ~/.config/fish/completions/waxseal.fish";

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completion {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        let mut line = Line::command();
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
        };
        clap_complete::generate(shell, &mut line, "waxseal", &mut script);
        output::print_bytes(&script)
    }
}
