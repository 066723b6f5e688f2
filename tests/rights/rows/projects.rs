//! Projects, and the texts that refer to what is in them.

use super::{DEMO, DRAFT, ENVIRONMENTS, Row, Undo, garbage, projects, row};
use crate::support::texts::template;
use prost::Message;
use waxseal_proto::v1::{self, RenderContext};

/// A row without a name to aim at: of what exists, what an `absent` one collides with, and one
/// that is malformed.
pub(super) fn of_all<Q: Message + 'static>(
    method: &'static str,
    ask: impl Fn(String) -> Q + 'static,
    absent: &[&str],
    malformed: Q,
) -> Row {
    let absent = absent.iter().map(|id| ask((*id).to_owned()).encode_to_vec()).collect();
    Row {
        method,
        aim: String::new(),
        existing: Box::new(move |number| {
            ask(format!("new-{method}-{number}").to_lowercase()).encode_to_vec()
        }),
        absent,
        malformed: vec![malformed.encode_to_vec()],
        unnamed: None,
        undo: Undo::Nothing,
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_the_deployment();
    rows.extend(of_one());
    rows.extend(of_texts());
    rows
}

fn of_the_deployment() -> Vec<Row> {
    const DOCUMENT: &str =
        r#"{"format": "waxseal.project", "version": 1, "environments": [], "secrets": []}"#;
    let create = |id: String| v1::CreateProjectRequest { project_id: id, ..Default::default() };
    let import = |id: String| v1::ImportProjectRequest {
        project_id: id,
        document: DOCUMENT.to_owned(),
        ..Default::default()
    };
    let list = |page_size, page_token| v1::ListProjectsRequest {
        page_size,
        page_token,
        ..Default::default()
    };
    let spoilt = v1::ImportProjectRequest {
        project_id: "-".to_owned(),
        document: garbage(),
        request_id: garbage(),
    };
    vec![
        of_all("CreateProject", create, &["demo"], create("-".to_owned())),
        of_all("ImportProject", import, &["demo"], spoilt),
        of_all("ListProjects", move |_| list(0, String::new()), &[], list(-1, garbage())),
        row(
            "DuplicateProject",
            "",
            &projects(),
            |name, number| v1::DuplicateProjectRequest {
                name,
                project_id: format!("double-{number}"),
                ..Default::default()
            },
            |request| (request.project_id, request.request_id) = ("-".to_owned(), garbage()),
        ),
    ]
}

fn of_one() -> Vec<Row> {
    // The one that is deleted: see `rights::shelved`.
    let shelved = ["projects/shelved", "projects/gone"].map(str::to_owned);
    vec![
        row("GetProject", "", &projects(), |name, _| v1::GetProjectRequest { name }, |_| ()),
        row("ExportProject", "", &projects(), |name, _| v1::ExportProjectRequest { name }, |_| ()),
        row(
            "UpdateProject",
            "",
            &projects(),
            |name, number| v1::UpdateProjectRequest {
                project: Some(v1::Project {
                    name,
                    display_name: format!("{number}"),
                    ..Default::default()
                }),
                ..Default::default()
            },
            |request| request.update_mask = Some(prost_types::FieldMask { paths: vec![garbage()] }),
        ),
        Row {
            undo: Undo::UndeleteProject("demo"),
            ..row(
                "DeleteProject",
                "",
                &projects(),
                |name, _| v1::DeleteProjectRequest { name, ..Default::default() },
                |request| (request.etag, request.request_id) = (garbage(), garbage()),
            )
        },
        Row {
            undo: Undo::DeleteProject("shelved"),
            ..row(
                "UndeleteProject",
                "",
                &shelved,
                |name, _| v1::UndeleteProjectRequest { name, ..Default::default() },
                |request| (request.etag, request.request_id) = (garbage(), garbage()),
            )
        },
    ]
}

fn of_texts() -> Vec<Row> {
    let mut rows = vec![row(
        "ParseReferences",
        "",
        &[DEMO, "projects/gone"].map(str::to_owned),
        |parent, _| v1::ParseReferencesRequest {
            parent,
            text: "{secret:KEY_M}{secret:KEY_R}{secret:NONE}".to_owned(),
            environment: "staging".to_owned(),
            stage: DRAFT,
        },
        |request| request.stage = 99,
    )];
    for (kind, letter) in [("masked", "M"), ("restricted", "R")] {
        rows.push(row(
            "RenderTemplates",
            kind,
            &ENVIRONMENTS.map(str::to_owned),
            move |name, _| v1::RenderTemplatesRequest {
                name,
                stage: DRAFT,
                templates: vec![template(&format!("{{secret:KEY_{letter}}}"), RenderContext::Text)],
                ..Default::default()
            },
            |request| request.templates.clear(),
        ));
    }
    rows
}
