//! `waxseal keys migrate`

use crate::failure::Failure;
use crate::options::Format;
use crate::{output, progress, signals};
use futures::StreamExt as _;
use serde::Serialize;
use std::path::PathBuf;
use waxseal_engine::{CheckedKeys, Engine, RewrapProgress};
use waxseal_server::config::Engines;
use waxseal_server::{Config, wiring};

/// Moves every data key from the local key file to AWS KMS. No server may run meanwhile.
///
/// It can be interrupted and started again at any point, and in the end opens every data key by
/// KMS alone. Values are not touched.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Migrate {
    /// The data directory with the key file.
    #[arg(long, env = "WAXSEAL_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,

    /// What to print: words, or a JSON object for every page of data keys and one at the end.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    engines: Engines,
}

const EXAMPLES: &str = "\
Examples:
  waxseal keys migrate --data-dir /var/lib/waxseal --kms-key arn:aws:kms:eu-west-1:111122223333:key/ID

The keys of a PostgreSQL store are moved by naming it with --database-url (WAXSEAL_DATABASE_URL).
Afterwards the server is started with WAXSEAL_KMS_KEY. Keep keys.json for as long as you keep
backups from before, and nowhere near them.";

#[derive(Serialize)]
struct Told<'a> {
    key_id: &'a str,
    total: u64,
    done: u64,
    failed: u64,
    finished: bool,
}

#[derive(Serialize)]
struct Checked<'a> {
    key_id: &'a str,
    opened: u64,
    failed: u64,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { data_dir, output, engines } = self;
        let config = Config { data_dir: Some(data_dir), engines, ..Config::default() };
        let opened = wiring::open_to_move_keys(&config).await?;
        let moved = move_keys(&opened.engine, output).await?;
        drop(opened);
        // What is here now knows the key service alone.
        let opened = wiring::open(&config).await?;
        let checked = check(&opened.engine, moved.total, output).await?;
        end(&config, &moved, &checked, output)
    }
}

async fn move_keys(
    engine: &std::sync::Arc<Engine>,
    format: Format,
) -> Result<RewrapProgress, Failure> {
    let mut moving = engine.local_rewrap(signals::stop()?).await.map_err(Failure::Keys)?;
    let bar = progress::bar(usize::MAX);
    loop {
        // It ends with a word that it is finished, or with an error.
        let Some(told) = moving.next().await else { return Err(Failure::Damaged) };
        let told = told.map_err(Failure::Keys)?;
        let RewrapProgress { key_id, total, done, skipped, failed, finished, .. } = &told;
        bar.set_length(*total);
        bar.set_position(done + skipped + failed);
        if format == Format::Json {
            let (total, done, failed, finished) = (*total, *done, *failed, *finished);
            output::print_json(&Told { key_id, total, done, failed, finished })?;
        }
        if told.finished {
            bar.finish_and_clear();
            return match told.failed {
                0 => Ok(told),
                failed => Err(Failure::KeysLeft { failed }),
            };
        }
    }
}

async fn check(engine: &Engine, total: u64, format: Format) -> Result<CheckedKeys, Failure> {
    let bar = progress::bar(usize::MAX);
    bar.set_length(total);
    bar.set_message("checked");
    let checked = engine.verify_data_keys(|count| {
        bar.set_length(total.max(count));
        bar.set_position(count);
    });
    let checked = checked.await.map_err(Failure::Keys)?;
    bar.finish_and_clear();
    if format == Format::Json {
        let CheckedKeys { opened, failed, .. } = checked;
        let key_id = engine.local_key_status().await.map_err(Failure::Keys)?.active;
        output::print_json(&Checked { key_id: &key_id, opened, failed })?;
    }
    match checked.failed {
        0 => Ok(checked),
        failed => Err(Failure::KeysLeft { failed }),
    }
}

fn end(
    config: &Config,
    moved: &RewrapProgress,
    checked: &CheckedKeys,
    format: Format,
) -> Result<(), Failure> {
    if format == Format::Json {
        return Ok(());
    }
    let key = config.engines.kms_key.as_deref().unwrap_or_default();
    let file = config.data_dir.as_ref().map(|dir| dir.join("keys.json").display().to_string());
    output::print(&format!(
        "{} data keys were moved to {}, and all {} open there\nstart the server with \
         WAXSEAL_KMS_KEY={key}\n{} is not needed any more but for backups from before: archive it\n",
        moved.done,
        moved.key_id,
        checked.opened,
        file.unwrap_or_default()
    ))
}
