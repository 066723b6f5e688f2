//! `waxseal render`

use crate::failure::Failure;
use crate::options::{Flags, Format, ViewOptions};
use crate::session::{Session, Verb};
use crate::text_input::TextInput;
use crate::{json, output, payload};
use waxseal_proto::v1::{self, RenderContext};

/// The most that a server takes.
pub(crate) const TEXT_BYTES: usize = 1 << 20;

/// Fills a text with secrets, {secret:NAME}, and variables, {name}, and prints it.
///
/// The context says where the text is going to be used, and so how what is inserted is encoded.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Render {
    #[command(flatten)]
    input: TextInput,

    /// Where the text is going to be used.
    #[arg(long, value_name = "CONTEXT", value_enum, default_value = "text")]
    context: Context,

    /// A variable and its value; may be given several times. Not for secrets: other processes see
    /// the command line.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,

    /// Prints the text for logs, with [secret:NAME] in the place of each secret.
    #[arg(long)]
    redacted: bool,

    #[command(flatten)]
    view: ViewOptions,
}

const EXAMPLES: &str = "\
Examples:
  echo 'Bearer {secret:STRIPE_KEY}' | waxseal render -p shop -e staging --stage live
  waxseal render request.json --context json --var city=Bern -p shop -e staging --stage live
  waxseal render request.json --context json --redacted -p shop -e staging --stage live

It takes a runtime's token. `waxseal references` checks a text with a viewer's.";

/// A context, as it is written on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Context {
    /// As it is.
    Text,
    /// One whole JSON document.
    Json,
    /// One whole URL.
    Url,
    /// A part of a URL.
    UrlComponent,
    /// The value of an HTTP header.
    HeaderValue,
    /// A value of application/x-www-form-urlencoded.
    FormValue,
}

impl From<Context> for RenderContext {
    fn from(context: Context) -> Self {
        match context {
            Context::Text => Self::Text,
            Context::Json => Self::Json,
            Context::Url => Self::Url,
            Context::UrlComponent => Self::UrlComponent,
            Context::HeaderValue => Self::HeaderValue,
            Context::FormValue => Self::FormValue,
        }
    }
}

impl Verb for Render {
    fn flags(&self) -> Flags {
        self.view.flags()
    }

    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Self { input, context, variables, redacted, view: _ } = self;
        let context = RenderContext::from(context).into();
        let (name, stage) = (session.environment()?, session.stage()?.into());
        let text = input.text(TEXT_BYTES)?;
        let request = v1::RenderTemplatesRequest {
            name,
            stage,
            consistency: None,
            templates: vec![v1::Template { id: String::new(), text, context }],
            variables: variables.into_iter().collect(),
        };
        let call = session.client.read(request, async |caller, request| {
            caller.runtime().render_templates(request).await
        });
        let mut answer = call.await?;
        let rendered = answer.rendered.first_mut().ok_or(Failure::Damaged)?;
        match (session.format, redacted) {
            (Format::Table, true) => output::print(&rendered.redacted),
            (Format::Table, false) => {
                output::print_bytes(&payload::bytes(rendered.payload.take())?)
            }
            (Format::Json, _) => {
                if redacted {
                    rendered.payload = None;
                }
                output::print(&json::line(&answer)?)
            }
        }
    }
}

fn variable(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
