//! Field masks: what they name is changed, nothing else is, and what does not exist is refused.

use crate::support::refusal::read;
use crate::support::{Client, Server, refused};
use prost_types::FieldMask;
use tonic::Status;
use waxseal_proto::v1::{self, Fallback, Visibility};

fn mask<S: AsRef<str>>(paths: &[S]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| path.as_ref().to_owned()).collect() })
}

async fn secret(
    client: &Client,
    sent: &v1::Secret,
    update_mask: Option<FieldMask>,
) -> Result<v1::Secret, Status> {
    let sent = v1::Secret { name: "projects/demo/secrets/KEY".to_owned(), ..sent.clone() };
    let request = v1::UpdateSecretRequest { secret: Some(sent), update_mask, ..Default::default() };
    let answer = client.secrets.clone().update_secret(request).await?;
    Ok(answer.into_inner().secret.unwrap())
}

async fn environment(
    client: &Client,
    sent: &v1::Environment,
    update_mask: Option<FieldMask>,
) -> Result<v1::Environment, Status> {
    let name = "projects/demo/environments/staging".to_owned();
    let environment = Some(v1::Environment { name, ..sent.clone() });
    let request = v1::UpdateEnvironmentRequest { environment, update_mask, ..Default::default() };
    let answer = client.environments.clone().update_environment(request).await?;
    Ok(answer.into_inner().environment.unwrap())
}

async fn prepared() -> (Server, Client) {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_secret("demo", "KEY", Visibility::Restricted, Some("value")).await.unwrap();
    (server, admin)
}

/// What exists nowhere, or is not written like that, or lies where an update does not reach.
fn wrong() -> Vec<Vec<String>> {
    let single = [
        "",
        " ",
        "colour",
        "value",
        "payload",
        "payload.text",
        "secret",
        "secret.description",
        "environment.display_name",
        "Description",
        "DESCRIPTION",
        "displayName",
        "Display_name",
        "`description`",
        "`display_name`",
        " description",
        "description ",
        "display_name\n",
        "description.x",
        "description.0",
        "display_name.0",
        "x.0",
        "visibility.value",
        "**",
        "* ",
        "*.description",
        "description,visibility",
        "display_name,fallback",
        "description[0]",
        "descr\u{456}ption",
        "display_name\0",
        "../description",
        "parent",
        "request_id",
        "update_mask",
        "1",
        "description_",
        "_display_name",
    ];
    let mut wrong: Vec<_> = single.map(|path| vec![path.to_owned()]).into();
    wrong.push(vec!["p".repeat(10_000)]);
    wrong.push(vec!["description.".repeat(1_000)]);
    for name in ["description", "display_name"] {
        wrong.push(vec![name.to_owned(), "colour".to_owned()]);
        wrong.push(vec!["uid".to_owned(), name.to_owned(), "value".to_owned()]);
        wrong.push(vec!["*".to_owned(), name.to_owned()]);
        wrong.push(vec![name.to_owned(); 101]);
        wrong.push(vec![name.to_owned(); 1_000]);
    }
    wrong.push(vec!["*".to_owned(); 2]);
    wrong
}

#[tokio::test]
async fn a_path_that_names_no_field_is_refused_and_changes_nothing() {
    let (_server, admin) = prepared().await;
    let before = admin.get_secret("demo", "KEY").await.unwrap();
    let new = v1::Secret { description: "new".to_owned(), ..Default::default() };
    let settings = environment(&admin, &v1::Environment::default(), None).await.unwrap();
    let renamed = v1::Environment { display_name: "new".to_owned(), ..Default::default() };
    for paths in wrong() {
        let longest = paths.iter().max_by_key(|path| path.len()).unwrap();
        let answers = [
            secret(&admin, &new, mask(&paths)).await.map(drop),
            environment(&admin, &renamed, mask(&paths)).await.map(drop),
        ];
        for answer in answers {
            let Err(status) = answer else { panic!("{:.60?} was taken", paths) };
            read(&status).is_about("INVALID_FIELD_MASK", "update_mask");
            let repeated = longest.len() > 20 && status.message().contains(longest.as_str());
            assert!(!repeated, "{}", status.message());
        }
    }
    assert_eq!(admin.get_secret("demo", "KEY").await.unwrap(), before);
    let after = environment(&admin, &v1::Environment::default(), None).await.unwrap();
    assert_eq!(after, settings);
}

#[tokio::test]
async fn a_path_of_what_only_the_server_writes_is_passed_over() {
    let (_server, admin) = prepared().await;
    let before = admin.get_secret("demo", "KEY").await.unwrap();
    let sent = v1::Secret {
        uid: "other".to_owned(),
        description: "new".to_owned(),
        has_value: false,
        has_override: Some(true),
        default_version: 99,
        default_etag: "other".to_owned(),
        etag: "other".to_owned(),
        ..Default::default()
    };
    let fixed = [
        "name",
        "uid",
        "has_value",
        "has_override",
        "default_version",
        "default_etag",
        "etag",
        "create_time",
        "update_time",
        "delete_time",
        "purge_time",
    ];
    for path in fixed {
        assert_eq!(secret(&admin, &sent, mask(&[path])).await.unwrap(), before, "{path}");
    }
    assert_eq!(secret(&admin, &sent, mask(&fixed)).await.unwrap(), before);
    let both = secret(&admin, &sent, mask(&["etag", "description"])).await.unwrap();
    assert_eq!((both.description.as_str(), both.uid), ("new", before.uid));

    let settings = environment(&admin, &v1::Environment::default(), None).await.unwrap();
    let sent = v1::Environment {
        uid: "other".to_owned(),
        display_name: "new".to_owned(),
        etag: "other".to_owned(),
        ..Default::default()
    };
    let fixed = ["name", "uid", "create_time", "update_time", "etag"];
    for path in fixed {
        assert_eq!(environment(&admin, &sent, mask(&[path])).await.unwrap(), settings, "{path}");
    }
    assert_eq!(environment(&admin, &sent, mask(&fixed)).await.unwrap(), settings);
}

#[tokio::test]
async fn the_table_of_fields_is_that_of_the_messages() {
    // Every field can be named in a mask: a new one is refused until the server knows it.
    let (_server, admin) = prepared().await;
    let files = crate::support::raw::descriptors().file;
    let fields = |name: &str| -> Vec<String> {
        let mut messages = files.iter().flat_map(|file| &file.message_type);
        let message = messages.find(|message| message.name() == name).unwrap();
        message.field.iter().map(|field| field.name().to_owned()).collect()
    };
    let sent = v1::Secret { visibility: Visibility::Restricted.into(), ..Default::default() };
    secret(&admin, &sent, mask(&fields("Secret"))).await.unwrap();
    let sent = v1::Environment { fallback: Fallback::Allow.into(), ..Default::default() };
    environment(&admin, &sent, mask(&fields("Environment"))).await.unwrap();
}

#[tokio::test]
async fn absent_and_empty_mean_what_is_populated_and_a_star_means_everything() {
    let (_server, admin) = prepared().await;
    let full = v1::Environment {
        display_name: "name".to_owned(),
        fallback: Fallback::Deny.into(),
        protected: true,
        ..Default::default()
    };
    let parts = |is: v1::Environment| (is.display_name.clone(), is.fallback(), is.protected);
    let empty: &[&str] = &[];
    for none in [None, mask(empty)] {
        environment(&admin, &full, none.clone()).await.unwrap();
        let nothing = environment(&admin, &v1::Environment::default(), none).await.unwrap();
        assert_eq!(parts(nothing), ("name".to_owned(), Fallback::Deny, true));
    }
    // Each path alone, named once or many times, changes its field alone.
    let other = v1::Environment { fallback: Fallback::Allow.into(), ..Default::default() };
    let is = environment(&admin, &other, mask(&["protected"; 100])).await.unwrap();
    assert_eq!(parts(is), ("name".to_owned(), Fallback::Deny, false));
    let is = environment(&admin, &other, mask(&["fallback", "uid", "fallback"])).await.unwrap();
    assert_eq!(parts(is), ("name".to_owned(), Fallback::Allow, false));
    let is = environment(&admin, &other, mask(&["display_name"])).await.unwrap();
    assert_eq!(parts(is), (String::new(), Fallback::Allow, false));
    let is = environment(&admin, &full, mask(&["*"])).await.unwrap();
    assert_eq!(parts(is), ("name".to_owned(), Fallback::Deny, true));
    let is = environment(&admin, &other, mask(&["*"])).await.unwrap();
    assert_eq!(parts(is), (String::new(), Fallback::Allow, false));

    let described = v1::Secret { description: "text".to_owned(), ..Default::default() };
    for none in [None, mask(empty)] {
        let is = secret(&admin, &described, none.clone()).await.unwrap();
        assert_eq!((is.description.as_str(), is.visibility()), ("text", Visibility::Restricted));
        let is = secret(&admin, &v1::Secret::default(), none).await.unwrap();
        assert_eq!(is.description, "text");
    }
    // Everything is visibility too, and that has to be said.
    let answer = secret(&admin, &described, mask(&["*"])).await;
    refused(answer).is_about("INVALID_FIELD", "secret.visibility");
    let bare = v1::Secret { visibility: Visibility::Restricted.into(), ..Default::default() };
    assert!(secret(&admin, &bare, mask(&["*"])).await.unwrap().description.is_empty());
}

#[tokio::test]
async fn an_update_that_changes_nothing_leaves_everything_as_it_was() {
    let (_server, admin) = prepared().await;
    let secret_before = admin.get_secret("demo", "KEY").await.unwrap();
    let same = v1::Secret { visibility: Visibility::Restricted.into(), ..Default::default() };
    assert_eq!(secret(&admin, &same, mask(&["*"])).await.unwrap(), secret_before);
    let before = environment(&admin, &v1::Environment::default(), None).await.unwrap();
    let same = v1::Environment { fallback: Fallback::Allow.into(), ..Default::default() };
    assert_eq!(environment(&admin, &same, mask(&["*"])).await.unwrap(), before);
}
