//! `waxseal audit export`

use super::lines;
use crate::failure::Failure;
use crate::options::{Flags, ServerOptions};
use crate::output;
use crate::session::{Session, Verb};
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

/// Gives the whole audit trail as lines of JSON, for keeping it and for `waxseal audit verify
/// --file`.
///
/// The last line has the type "end"; a file without it is not whole.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  waxseal audit export --file trail.jsonl")]
pub(super) struct Export {
    /// Writes it to this file instead, which must not exist.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    #[command(flatten)]
    server: ServerOptions,
}

impl Verb for Export {
    fn flags(&self) -> Flags {
        self.server.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let mut lines = lines(session).await?;
        let failed = |path: &PathBuf| {
            let path = path.clone();
            move |source| Failure::Write { path, source }
        };
        let mut made = match &self.file {
            Some(path) => {
                let file = fs::File::create_new(path).map_err(failed(path))?;
                Some((path, BufWriter::new(file)))
            }
            None => None,
        };
        let mut last = String::new();
        while let Some(told) =
            lines.message().await.map_err(|status| session.client.refused(status))?
        {
            last = told.line + "\n";
            match &mut made {
                Some((path, file)) => file.write_all(last.as_bytes()).map_err(failed(path))?,
                None => output::print(&last)?,
            }
        }
        if let Some((path, mut file)) = made {
            file.flush().map_err(failed(path))?;
        }
        // A stream that ends well has said so.
        if last.starts_with(r#"{"type":"end""#) { Ok(()) } else { Err(Failure::Damaged) }
    }
}
