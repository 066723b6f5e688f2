//! `waxseal export`

use crate::failure::Failure;
use crate::options::{Flags, ProjectOptions};
use crate::output;
use crate::session::{Session, Verb};
use std::fs;
use std::io;
use std::path::PathBuf;
use waxseal_proto::v1;

/// Prints the structure of a project as a JSON document, for `waxseal import`.
///
/// It holds environments with their settings, and names and visibility of secrets; never a value.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Export {
    /// Writes it to this file instead, which must not exist.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    #[command(flatten)]
    project: ProjectOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal export -p shop > shop.json
  waxseal export -p shop --file shop.json";

impl Verb for Export {
    fn flags(&self) -> Flags {
        self.project.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { file, project: _ } = self;
        let request = v1::ExportProjectRequest { name: session.project()? };
        let call = session
            .client
            .read(request, async |caller, request| caller.projects().export_project(request).await);
        let mut document = call.await?.document;
        if !document.ends_with('\n') {
            document.push('\n');
        }
        let Some(path) = file else { return output::print(&document) };
        let failed = |source| Failure::Write { path: path.clone(), source };
        let mut made = fs::File::create_new(&path).map_err(failed)?;
        io::Write::write_all(&mut made, document.as_bytes()).map_err(failed)
    }
}
