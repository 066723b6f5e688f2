//! `waxseal project`: the owners of secrets and environments.

mod create;
mod delete;
mod duplicate;
mod get;
mod list;
mod undelete;
mod update;

use crate::failure::Complaint;
use crate::session::drive;
use crate::surroundings::Surroundings;
use crate::{table, words};
use waxseal_proto::v1;

/// Projects, which own secrets and environments.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Project {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Create(create::Create),
    Get(get::Get),
    List(list::List),
    Update(update::Update),
    Delete(delete::Delete),
    Undelete(undelete::Undelete),
    Duplicate(duplicate::Duplicate),
}

const EXAMPLES: &str = "\
Examples:
  waxseal project create shop --display-name \"The shop\"
  waxseal project list
  waxseal project duplicate shop shop-next    its structure, and no value

What is made and changed here takes an admin's token whose scope is the deployment or the project.
`waxseal export` and `waxseal import` carry the structure of a project to another server.";

impl Project {
    pub(crate) async fn run(self, surroundings: &Surroundings) -> Result<(), Complaint> {
        match self.command {
            Command::Create(create) => drive(create, surroundings).await,
            Command::Get(get) => drive(get, surroundings).await,
            Command::List(list) => drive(list, surroundings).await,
            Command::Update(update) => drive(update, surroundings).await,
            Command::Delete(delete) => drive(delete, surroundings).await,
            Command::Undelete(undelete) => drive(undelete, surroundings).await,
            Command::Duplicate(duplicate) => drive(duplicate, surroundings).await,
        }
    }
}

/// One project, in words for people.
pub(crate) fn told(project: Option<&v1::Project>) -> String {
    let Some(project) = project else { return String::new() };
    let v1::Project {
        name,
        uid,
        display_name,
        create_time,
        update_time,
        etag,
        delete_time,
        purge_time,
    } = project;
    table::fields([
        ("name", name.clone()),
        ("display name", display_name.clone()),
        ("uid", uid.clone()),
        ("created", words::time(*create_time)),
        ("updated", words::time(*update_time)),
        ("deleted", words::time(*delete_time)),
        ("purged from", words::time(*purge_time)),
        ("etag", etag.clone()),
    ])
}

/// The secrets of a new project that have no value yet, in words for people.
pub(crate) fn needing_value(secrets: &[String]) -> String {
    match secrets {
        [] => String::new(),
        _ => format!(
            "\nWithout a value so far; `waxseal secret set` gives one:\n  {}\n",
            secrets.join("\n  ")
        ),
    }
}
