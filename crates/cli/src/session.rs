//! One command that speaks to a server: its settings, its client, and what it prints.

use crate::client::Client;
use crate::failure::{Complaint, Failure};
use crate::json::{self, Named};
use crate::options::{Flags, Format, SlotOptions};
use crate::output;
use crate::settings::Settings;
use crate::surroundings::Surroundings;
use waxseal_proto::v1::slot::Slot as Which;
use waxseal_proto::v1::{self, Stage};

/// The largest page that a server gives.
pub(crate) const PAGE: i32 = 1_000;

/// A command that speaks to a server.
pub(crate) trait Verb {
    /// What its command line says about where, as whom, and what to print.
    fn flags(&self) -> Flags;

    async fn run(self, session: &Session<'_>) -> Result<(), Failure>;
}

/// What a command runs in.
pub(crate) struct Session<'a> {
    pub(crate) client: Client,
    pub(crate) format: Format,
    pub(crate) surroundings: &'a Surroundings,
    project: Option<String>,
    environment: Option<String>,
    stage: Option<Stage>,
}

/// Runs a command. What it complains of comes in the format that was asked for.
pub(crate) async fn drive(verb: impl Verb, surroundings: &Surroundings) -> Result<(), Complaint> {
    let flags = verb.flags();
    let asked = Format::asked(&flags, surroundings);
    let settings = Settings::gather(flags, surroundings)
        .map_err(|error| Complaint { failure: error.into(), format: asked })?;
    let format = settings.format;
    let done = async { verb.run(&Session::open(settings, surroundings)?).await };
    done.await.map_err(|failure| Complaint { failure, format })
}

impl<'a> Session<'a> {
    fn open(settings: Settings, surroundings: &'a Surroundings) -> Result<Self, Failure> {
        let Settings { address, tls, token, format, timeout, project, environment, stage } =
            settings;
        let token = token.as_ref().map(|token| token.as_str());
        let client = Client::new(address, tls.as_ref(), token, timeout)?;
        Ok(Self { client, format, surroundings, project, environment, stage })
    }

    /// The full name of the project.
    pub(crate) fn project(&self) -> Result<String, Failure> {
        match &self.project {
            Some(id) => Ok(format!("projects/{id}")),
            None => Err(Failure::NoProject),
        }
    }

    /// The full name of a secret.
    pub(crate) fn secret(&self, id: &str) -> Result<String, Failure> {
        Ok(format!("{}/secrets/{id}", self.project()?))
    }

    pub(crate) fn environment_id(&self) -> Result<String, Failure> {
        self.environment.clone().ok_or(Failure::NoEnvironment)
    }

    /// The full name of an environment.
    pub(crate) fn environment_named(&self, id: &str) -> Result<String, Failure> {
        Ok(format!("{}/environments/{id}", self.project()?))
    }

    /// The full name of the environment that the command is about.
    pub(crate) fn environment(&self) -> Result<String, Failure> {
        self.environment_named(&self.environment_id()?)
    }

    pub(crate) fn stage(&self) -> Result<Stage, Failure> {
        self.stage.ok_or(Failure::NoStage)
    }

    /// The slot that a command is about.
    pub(crate) fn slot(&self, options: &SlotOptions) -> Result<v1::Slot, Failure> {
        if options.is_override() {
            return self.override_slot();
        }
        Ok(v1::Slot { slot: Some(Which::Default(v1::DefaultSlot {})) })
    }

    /// The override slot of the environment and stage.
    pub(crate) fn override_slot(&self) -> Result<v1::Slot, Failure> {
        let (environment, stage) = (self.environment_id()?, self.stage()?.into());
        Ok(v1::Slot { slot: Some(Which::Override(v1::OverrideSlot { environment, stage })) })
    }

    /// The secrets of all pages.
    pub(crate) async fn secrets(
        &self,
        request: v1::ListSecretsRequest,
    ) -> Result<v1::ListSecretsResponse, Failure> {
        let mut all = v1::ListSecretsResponse::default();
        loop {
            let page_token = std::mem::take(&mut all.next_page_token);
            let request = v1::ListSecretsRequest { page_size: PAGE, page_token, ..request.clone() };
            let call = self.client.read(request, async |caller, request| {
                caller.secrets().list_secrets(request).await
            });
            let page = call.await?;
            all.secrets.extend(page.secrets);
            all.total_size = page.total_size;
            all.next_page_token = page.next_page_token;
            if all.next_page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// The overrides of all pages of the environment and stage.
    pub(crate) async fn overrides(&self) -> Result<v1::ListOverridesResponse, Failure> {
        let mut all = v1::ListOverridesResponse::default();
        loop {
            let request = v1::ListOverridesRequest {
                parent: self.environment()?,
                stage: self.stage()?.into(),
                page_size: PAGE,
                page_token: std::mem::take(&mut all.next_page_token),
            };
            let call = self.client.read(request, async |caller, request| {
                caller.secrets().list_overrides(request).await
            });
            let page = call.await?;
            all.overrides.extend(page.overrides);
            all.next_page_token = page.next_page_token;
            if all.next_page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Prints an answer: as it came, or in words for people.
    pub(crate) fn show<M: Named>(
        &self,
        answer: &M,
        words: impl FnOnce(&M) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table => output::print(&words(answer)),
            Format::Json => output::print(&json::line(answer)?),
        }
    }

    /// Says what the server thinks of a value. In JSON the answer itself does.
    pub(crate) fn warn(&self, secret: &str, warnings: &[v1::Warning]) {
        if self.format == Format::Table {
            for warning in warnings {
                output::remark("warning", &format!("{secret}: {}", warning.message));
            }
        }
    }
}
