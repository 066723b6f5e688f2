//! `waxseal resolve`

use crate::failure::Failure;
use crate::options::{Flags, Format, ViewOptions};
use crate::session::{Session, Verb};
use crate::{json, output, payload, table, words};
use waxseal_proto::v1;

/// Resolves what one environment and stage sees, as an agent does: all of it, or named secrets.
///
/// It shows where each value comes from, and the values only where --show-values or --raw asks for
/// them. Named secrets that are unknown or without a value are an error.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Resolve {
    /// The names, or old names, of single secrets; without any, the whole view.
    #[arg(value_name = "SECRET")]
    ids: Vec<String>,

    /// Shows the values as well.
    #[arg(long)]
    show_values: bool,

    /// Prints the value of the one secret that is named exactly as it is, and nothing else.
    #[arg(long, requires = "ids", conflicts_with = "show_values")]
    raw: bool,

    /// Lists named secrets without a value instead of failing.
    #[arg(long, requires = "ids", conflicts_with = "raw")]
    allow_unset: bool,

    #[command(flatten)]
    view: ViewOptions,
}

const EXAMPLES: &str = "\
Examples:
  waxseal resolve -p shop -e staging --stage live
  waxseal resolve STRIPE_KEY --raw -p shop -e staging --stage live > key.txt
  waxseal resolve -p shop -e staging --stage live --show-values --output json

It takes a runtime's token. `waxseal explain` says which value wins without resolving anything, and
`waxseal run` starts a command with the values.";

impl Verb for Resolve {
    fn flags(&self) -> Flags {
        self.view.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { ids, show_values, raw, allow_unset, view: _ } = self;
        if raw && ids.len() != 1 {
            return Err(Failure::RawIsOne);
        }
        let mut view = resolve(session, ids, allow_unset).await?;
        if raw {
            let secret = view.secrets.pop().ok_or(Failure::Damaged)?;
            return output::print_bytes(&payload::bytes(secret.payload)?);
        }
        let values = show_values.then(|| values(&view)).transpose()?;
        if values.is_none() {
            view.secrets.iter_mut().for_each(|secret| secret.payload = None);
        }
        match session.format {
            Format::Json => output::print(&json::line(&view)?),
            Format::Table => output::print(&told(&view, values)),
        }
    }
}

/// The whole view, or of it these secrets.
pub(crate) async fn resolve(
    session: &Session<'_>,
    secrets: Vec<String>,
    allow_unset: bool,
) -> Result<v1::ResolveEnvironmentResponse, Failure> {
    let (name, stage) = (session.environment()?, session.stage()?.into());
    if secrets.is_empty() {
        let request = v1::ResolveEnvironmentRequest { name, stage, ..Default::default() };
        let call = session.client.read(request, async |caller, request| {
            caller.runtime().resolve_environment(request).await
        });
        return call.await;
    }
    let request =
        v1::ResolveSecretsRequest { name, stage, secrets, allow_unset, ..Default::default() };
    let call = session
        .client
        .read(request, async |caller, request| caller.runtime().resolve_secrets(request).await);
    let v1::ResolveSecretsResponse { revision, secrets, unset, not_modified } = call.await?;
    Ok(v1::ResolveEnvironmentResponse { revision, secrets, unset, not_modified })
}

/// The values in the order of the view, on one line each.
fn values(view: &v1::ResolveEnvironmentResponse) -> Result<Vec<String>, Failure> {
    let value = |secret: &v1::ResolvedSecret| {
        let bytes = payload::bytes(secret.payload.clone())?;
        Ok(str::from_utf8(&bytes).map_or_else(|_| bytes.escape_ascii().to_string(), table::plain))
    };
    view.secrets.iter().map(value).collect()
}

fn told(view: &v1::ResolveEnvironmentResponse, values: Option<Vec<String>>) -> String {
    let shown = values.is_some();
    let mut values = values.unwrap_or_default().into_iter();
    let mut rows: Vec<_> = view
        .secrets
        .iter()
        .map(|secret| {
            let origin = words::origin(secret.origin()).to_owned();
            let value = values.next().unwrap_or_default();
            [secret.secret.clone(), origin, secret.version.to_string(), value]
        })
        .collect();
    rows.extend(view.unset.iter().map(|unset| {
        let reason = format!("unset: {}", words::unset(unset.reason()));
        [unset.secret.clone(), reason, String::new(), String::new()]
    }));
    rows.sort_unstable();
    if shown {
        return table::text(["SECRET", "ORIGIN", "VERSION", "VALUE"], rows);
    }
    let rows = rows.into_iter().map(|[secret, origin, version, _]| [secret, origin, version]);
    table::text(["SECRET", "ORIGIN", "VERSION"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_only_when_asked_for() {
        let secret = v1::ResolvedSecret {
            secret: "A".to_owned(),
            payload: Some(payload::text("can\nary")),
            origin: v1::Origin::Default.into(),
            version: 3,
        };
        let unset =
            v1::UnsetSecret { secret: "B".to_owned(), reason: v1::UnsetReason::NoValue.into() };
        let view = v1::ResolveEnvironmentResponse {
            secrets: vec![secret],
            unset: vec![unset],
            ..Default::default()
        };
        let hidden = "SECRET  ORIGIN           VERSION\nA       default          3\n\
                      B       unset: no value\n";
        assert_eq!(told(&view, None), hidden);
        let shown = told(&view, Some(values(&view).unwrap()));
        assert!(shown.contains("3        can\\nary\n"), "{shown}");
    }
}
