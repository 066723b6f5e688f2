//! Projects, and who sees which.

use crate::support::{Client, Server, refused};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1;

async fn listed(client: &Client) -> Vec<String> {
    let answer = client.projects.clone().list_projects(v1::ListProjectsRequest::default()).await;
    answer.unwrap().into_inner().projects.into_iter().map(|project| project.name).collect()
}

async fn get(client: &Client, id: &str) -> Result<v1::Project, tonic::Status> {
    let request = v1::GetProjectRequest { name: format!("projects/{id}") };
    let answer = client.projects.clone().get_project(request).await?;
    Ok(answer.into_inner().project.unwrap())
}

#[tokio::test]
async fn a_project_is_found_as_it_was_made_with_main_in_it() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let project = v1::Project { display_name: "Die erste".to_owned(), ..Default::default() };
    let request = v1::CreateProjectRequest {
        project_id: "first".to_owned(),
        project: Some(project),
        ..Default::default()
    };
    let answer = admin.projects.clone().create_project(request.clone()).await.unwrap();
    let made = answer.into_inner().project.unwrap();
    assert_eq!((made.name.as_str(), made.display_name.as_str()), ("projects/first", "Die erste"));
    assert_eq!(uuid::Uuid::parse_str(&made.uid).unwrap().get_version_num(), 7);
    assert!(made.create_time.is_some() && made.create_time == made.update_time);
    assert_eq!(get(&admin, "first").await.unwrap(), made);
    let again = admin.projects.clone().create_project(request).await;
    refused(again).is(Code::AlreadyExists, "PROJECT_EXISTS");
    let main = admin.get_environment("first", "main").await.unwrap();
    assert_eq!(main.fallback(), v1::Fallback::Allow);
    assert!(!main.protected);
    refused(get(&admin, "second").await).is(Code::NotFound, "PROJECT_NOT_FOUND");
}

#[tokio::test]
async fn everyone_sees_the_projects_of_their_own_scope() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    for id in ["zebra", "apple"] {
        admin.create_project(id).await.unwrap();
    }
    let all = ["projects/apple", "projects/demo", "projects/zebra"];
    for role in [Role::Admin, Role::Builder, Role::Viewer] {
        let everywhere = server.client(role, false, "deployment").await;
        assert_eq!(listed(&everywhere).await, all, "{role:?}");
        let here = server.client(role, false, "projects/demo").await;
        assert_eq!(listed(&here).await, ["projects/demo"], "{role:?}");
        get(&here, "demo").await.unwrap();
        for other in ["apple", "never"] {
            let answer = get(&here, other).await;
            refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
        }
        let answer = here.create_project("new").await;
        refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
    }
    for role in [Role::Runtime, Role::Auditor, Role::Keyholder] {
        let client = server.client(role, false, "deployment").await;
        let answer =
            client.projects.clone().list_projects(v1::ListProjectsRequest::default()).await;
        refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
    }
}
