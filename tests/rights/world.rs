//! A server with something for every row to be aimed at.

use super::rows::{Undo, access};
use crate::canary::{PLAIN, TEXT};
use crate::support::{Client, Server, Setup, default_slot, override_slot};
use waxseal_proto::v1::{self, Stage, Visibility};

pub async fn server() -> Server {
    let mut setup = Setup::new();
    setup.config.max_environments = 100;
    let server = setup.start().await;
    server.make_demo().await;
    furnish(&server.admin().await).await;
    server
}

/// Everything there but the project `demo` and its environment `staging`. What is stored and shown
/// are the texts that are looked for elsewhere.
pub async fn furnish(admin: &Client) {
    admin.create_project("other").await.unwrap();
    admin.create_environment("demo", "spare").await.unwrap();
    admin.create_project("shelved").await.unwrap();
    admin.create_environment("shelved", "staging").await.unwrap();
    admin.delete_project("shelved").await.unwrap();
    admin.create_principal("spare").await.unwrap();
    access::hold(admin).await;
    for (visibility, letter) in [(Visibility::Masked, 'M'), (Visibility::Restricted, 'R')] {
        let (key, gone) = (format!("KEY_{letter}"), format!("GONE_{letter}"));
        admin.create_secret("demo", &key, visibility, Some(TEXT)).await.unwrap();
        admin.set("demo", &key, over(), PLAIN).await.unwrap();
        make_gone(admin, &gone, visibility).await;
        make_gone(admin, &format!("PURGED_{letter}"), visibility).await;
        make_worn(admin, &format!("ROLLED_{letter}"), visibility).await;
        make_worn(admin, &format!("WORN_{letter}"), visibility).await;
        let named = format!("NAMED_{letter}");
        admin.create_secret("demo", &named, visibility, None).await.unwrap();
        let (former, present) = (format!("FORMER_{letter}"), format!("PRESENT_{letter}"));
        admin.create_secret("demo", &former, visibility, None).await.unwrap();
        admin.rename("demo", &former, &present).await.unwrap();
    }
}

fn over() -> Option<v1::Slot> {
    override_slot("staging", Stage::Draft)
}

async fn make_gone(admin: &Client, secret: &str, visibility: Visibility) {
    admin.create_secret("demo", secret, visibility, None).await.unwrap();
    admin.delete_secret("demo", secret).await.unwrap();
}

async fn make_worn(admin: &Client, secret: &str, visibility: Visibility) {
    admin.create_secret("demo", secret, visibility, None).await.unwrap();
    for slot in [default_slot(), over()] {
        for value in [TEXT, PLAIN] {
            admin.set("demo", secret, slot.clone(), value).await.unwrap();
        }
    }
}

/// Puts back what a row took away.
pub async fn undo(admin: &Client, undo: &Undo) {
    match undo {
        Undo::Nothing => {}
        Undo::CreateSparePrincipal => drop(admin.create_principal("spare").await.unwrap()),
        Undo::BindAnew => access::bind(admin).await,
        Undo::DeleteProject(id) => drop(admin.delete_project(id).await.unwrap()),
        Undo::UndeleteProject(id) => drop(admin.undelete_project(id).await.unwrap()),
        Undo::CreateSpare => drop(admin.create_environment("demo", "spare").await.unwrap()),
        Undo::Undelete(secret) => drop(admin.undelete_secret("demo", secret).await.unwrap()),
        Undo::Delete(secret) => drop(admin.delete_secret("demo", secret).await.unwrap()),
        Undo::Set(secret, slot) => {
            drop(admin.set("demo", secret, slot.clone(), TEXT).await.unwrap());
        }
        Undo::Rename(name) => {
            let now = named_before(admin, name).await;
            admin.rename("demo", &now, name).await.unwrap();
            admin.release_alias("demo", name, &now).await.unwrap();
        }
        Undo::Alias(name, alias) => {
            admin.rename("demo", name, alias).await.unwrap();
            admin.rename("demo", alias, name).await.unwrap();
        }
        Undo::Forward(secret, slot) => {
            admin.roll_back("demo", secret, slot.clone(), 2).await.unwrap();
        }
        Undo::Gone(secret, visibility) => make_gone(admin, secret, *visibility).await,
        Undo::Worn(secret, visibility) => {
            admin.delete_secret("demo", secret).await.unwrap();
            admin.purge("demo", secret).await.unwrap();
            make_worn(admin, secret, *visibility).await;
        }
    }
}

/// The present name of the secret that had this one.
async fn named_before(admin: &Client, name: &str) -> String {
    let parent = "projects/demo".to_owned();
    let request = v1::ListSecretsRequest { parent, page_size: 1_000, ..Default::default() };
    let listed = admin.secrets.clone().list_secrets(request).await.unwrap().into_inner().secrets;
    let mut found = listed.iter().filter(|secret| secret.aliases.iter().any(|had| had == name));
    found.next().unwrap().name.rsplit('/').next().unwrap().to_owned()
}
