//! Where every mutation can be carried out, and what is left when all is gone.

use crate::support::{Client, Server, default_slot, override_slot};
use waxseal_proto::v1::{self, Stage, Visibility};

/// A project, and some beside it, in which each of them can be carried out, with either body.
pub(crate) async fn demo() -> Server {
    demo_on(Server::with_demo().await).await
}

/// [`demo`] on this server.
pub(crate) async fn demo_on(server: Server) -> Server {
    let admin = server.admin().await;
    for id in ["ending", "ending-too", "ended", "ended-too"] {
        admin.create_project(id).await.unwrap();
    }
    for id in ["doomed", "doomed-too"] {
        admin.create_environment("demo", id).await.unwrap();
    }
    for name in ["KEY", "DOOMED", "GONE", "PURGED", "OLD", "FORMER"] {
        for name in [name.to_owned(), format!("{name}_TOO")] {
            admin.create_secret("demo", &name, Visibility::Masked, Some("default")).await.unwrap();
        }
    }
    admin.create_secret("demo", "WORN", Visibility::Masked, Some("default")).await.unwrap();
    for stage in [Stage::Draft, Stage::Live] {
        admin.set("demo", "KEY", override_slot("main", stage), "override").await.unwrap();
        admin.set("demo", "WORN", default_slot(), "later").await.unwrap();
    }
    for (old, new) in [("FORMER", "PRESENT"), ("FORMER_TOO", "PRESENT_TOO")] {
        admin.rename("demo", old, new).await.unwrap();
    }
    for name in ["GONE", "GONE_TOO", "PURGED", "PURGED_TOO"] {
        admin.delete_secret("demo", name).await.unwrap();
    }
    for id in ["ended", "ended-too"] {
        admin.delete_project(id).await.unwrap();
    }
    server
}

/// Deletes what can be deleted: what the answers were about is not there any more.
pub(crate) async fn devastate(admin: &Client) {
    let request = v1::ListSecretsRequest { parent: "projects/demo".into(), ..Default::default() };
    let secrets = admin.secrets.clone().list_secrets(request).await.unwrap().into_inner().secrets;
    for secret in secrets {
        let id = secret.name.rsplit('/').next().unwrap();
        admin.delete_secret("demo", id).await.unwrap();
    }
    let parent = "projects/demo".to_owned();
    let request = v1::ListEnvironmentsRequest { parent, ..Default::default() };
    let environments = admin.environments.clone().list_environments(request).await.unwrap();
    for environment in environments.into_inner().environments {
        let id = environment.name.rsplit('/').next().unwrap();
        if id != "main" {
            admin.delete_environment("demo", id, true).await.unwrap();
        }
    }
    for name in admin.project_names(false).await.unwrap() {
        admin.delete_project(name.trim_start_matches("projects/")).await.unwrap();
    }
}
