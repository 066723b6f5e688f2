//! Calls about texts: what is rendered, what is referred to, and a project as a document.

use super::Client;
use super::client::Answer;
use tonic::Response;
use waxseal_proto::v1::{self, RenderContext, Stage};

/// One text for one place, and the variables that it is rendered with.
pub fn template(text: &str, context: RenderContext) -> v1::Template {
    v1::Template { id: String::new(), text: text.to_owned(), context: context.into() }
}

impl Client {
    /// Renders with the strong view of one environment and stage.
    pub async fn render_all(
        &self,
        project: &str,
        (environment, stage): (&str, Stage),
        templates: Vec<v1::Template>,
        variables: &[(&str, &str)],
    ) -> Answer<v1::RenderTemplatesResponse> {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let request = v1::RenderTemplatesRequest {
            name: format!("projects/{project}/environments/{environment}"),
            stage: stage.into(),
            consistency: None,
            templates,
            variables: variables.iter().map(owned).collect(),
        };
        self.runtime.clone().render_templates(request).await.map(Response::into_inner)
    }

    /// Renders one text with what `main` resolves live in `demo`.
    pub async fn render(
        &self,
        text: &str,
        context: RenderContext,
        variables: &[(&str, &str)],
    ) -> Answer<v1::RenderedTemplate> {
        let live = ("main", Stage::Live);
        let templates = vec![template(text, context)];
        let mut answer = self.render_all("demo", live, templates, variables).await?;
        Ok(answer.rendered.remove(0))
    }

    /// The references in a text, as `demo` or one of its views sees them.
    pub async fn references(
        &self,
        text: &str,
        place: Option<(&str, Stage)>,
    ) -> Answer<Vec<v1::SecretReference>> {
        let (environment, stage) = place.unwrap_or_default();
        let request = v1::ParseReferencesRequest {
            parent: "projects/demo".to_owned(),
            text: text.to_owned(),
            environment: environment.to_owned(),
            stage: stage.into(),
        };
        let answer = self.secrets.clone().parse_references(request).await?;
        Ok(answer.into_inner().references)
    }

    pub async fn export(&self, project: &str) -> Answer<String> {
        let request = v1::ExportProjectRequest { name: format!("projects/{project}") };
        Ok(self.projects.clone().export_project(request).await?.into_inner().document)
    }

    pub async fn import(&self, id: &str, document: &str) -> Answer<v1::ImportProjectResponse> {
        let request = v1::ImportProjectRequest {
            project_id: id.to_owned(),
            document: document.to_owned(),
            ..Default::default()
        };
        self.projects.clone().import_project(request).await.map(Response::into_inner)
    }

    pub async fn duplicate(&self, source: &str, id: &str) -> Answer<v1::DuplicateProjectResponse> {
        let request = v1::DuplicateProjectRequest {
            name: format!("projects/{source}"),
            project_id: id.to_owned(),
            ..Default::default()
        };
        self.projects.clone().duplicate_project(request).await.map(Response::into_inner)
    }
}
