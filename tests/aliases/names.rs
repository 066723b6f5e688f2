//! Which names a secret may take, and how many it keeps.

use super::{demo, is_override, named, unknown};
use crate::support::{Client, Server, default_slot, refused};
use tonic::{Code, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Visibility};

#[tokio::test]
async fn a_chain_of_renames_is_understood_from_its_beginning() {
    let (server, builder, runtime) = demo().await;
    let chain = ["OLD", "SECOND", "THIRD", "FOURTH", "FIFTH"];
    for step in chain.windows(2) {
        builder.rename("demo", step[0], step[1]).await.unwrap();
    }
    for name in chain {
        assert_eq!(named(&runtime, &[name]).await.unwrap(), [is_override(name)]);
    }
    let all = named(&runtime, &chain).await.unwrap();
    assert_eq!(all.len(), chain.len());
    let secret = builder.get_secret("demo", "FIFTH").await.unwrap();
    assert_eq!(secret.aliases, ["FOURTH", "OLD", "SECOND", "THIRD"]);
    drop((builder, runtime));
    let server = server.stop().await.start().await;
    assert_eq!(named(&server.runtime().await, &chain).await.unwrap(), all);
}

#[tokio::test]
async fn a_rename_may_change_only_case() {
    let (_server, builder, runtime) = demo().await;
    let renamed = builder.rename("demo", "OLD", "Old").await.unwrap();
    assert_eq!(
        (renamed.name.as_str(), &renamed.aliases[..]),
        ("projects/demo/secrets/Old", &["OLD".to_owned()][..])
    );
    let again = builder.rename("demo", "Old", "old").await.unwrap();
    assert_eq!(again.aliases, ["OLD", "Old"]);
    for name in ["OLD", "Old", "old"] {
        assert_eq!(named(&runtime, &[name]).await.unwrap(), [is_override(name)]);
    }
    unknown(&runtime, "oLD").await;
    refused(builder.get_secret("demo", "OLD").await).is(Code::NotFound, "SECRET_NOT_FOUND");
    for name in ["OLD", "Old", "old", "oLd"] {
        let answer = builder.create_secret("demo", name, Visibility::Masked, None).await;
        assert_eq!(refused(answer).code, Code::AlreadyExists);
    }
    // Case of an alias, under another current name.
    builder.rename("demo", "old", "NEW").await.unwrap();
    let back = builder.rename("demo", "NEW", "oLd").await.unwrap();
    assert_eq!(back.aliases, ["NEW", "OLD", "Old", "old"]);
    assert_eq!(named(&runtime, &["oLd", "OLD"]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_secret_takes_back_a_name_that_it_had() {
    let (_server, builder, runtime) = demo().await;
    builder.rename("demo", "OLD", "NEW").await.unwrap();
    let back = builder.rename("demo", "NEW", "OLD").await.unwrap();
    assert_eq!(
        (back.name.as_str(), &back.aliases[..]),
        ("projects/demo/secrets/OLD", &["NEW".to_owned()][..])
    );
    for name in ["OLD", "NEW"] {
        assert_eq!(named(&runtime, &[name]).await.unwrap(), [is_override(name)]);
    }
    let released = builder.release_alias("demo", "OLD", "NEW").await.unwrap();
    assert!(released.aliases.is_empty());
    unknown(&runtime, "NEW").await;
}

#[tokio::test]
async fn a_rename_to_the_present_name_changes_nothing() {
    let (_server, builder, _runtime) = demo().await;
    let before = builder.get_secret("demo", "OLD").await.unwrap();
    assert_eq!(builder.rename("demo", "OLD", "OLD").await.unwrap(), before);
    assert_eq!(builder.get_secret("demo", "OLD").await.unwrap(), before);
}

#[tokio::test]
async fn a_name_that_is_held_is_not_taken_in_any_case() {
    let (_server, builder, _runtime) = demo().await;
    builder.rename("demo", "OTHER", "ANOTHER").await.unwrap();
    builder.create_secret("demo", "MINE", Visibility::Masked, None).await.unwrap();
    let before = builder.get_secret("demo", "MINE").await.unwrap();
    for (held, reason) in [
        (["OLD", "old", "Old"], "SECRET_EXISTS"),
        (["ANOTHER", "another", "anOther"], "SECRET_EXISTS"),
        (["OTHER", "other", "oTHER"], "NAME_HELD_BY_ALIAS"),
        (["GONE", "gone", "Gone"], "NAME_HELD_BY_DELETED"),
    ] {
        for name in held {
            let answer = builder.rename("demo", "MINE", name).await;
            refused(answer).is(Code::AlreadyExists, reason);
            let answer = builder.create_secret("demo", name, Visibility::Masked, None).await;
            refused(answer).is(Code::AlreadyExists, reason);
        }
    }
    assert_eq!(builder.get_secret("demo", "MINE").await.unwrap(), before);
    for malformed in ["", "1A", "A-B", " A", "A ", "Ä", &"A".repeat(65)] {
        let answer = builder.rename("demo", "MINE", malformed).await;
        refused(answer).is_about("INVALID_NAME", "new_secret_id");
    }
    for absent in ["NEVER", "mine"] {
        let answer = builder.rename("demo", absent, "FREE").await;
        refused(answer).is(Code::NotFound, "SECRET_NOT_FOUND");
    }
    let answer = builder.rename("demo", "GONE", "FREE").await;
    refused(answer).is(Code::FailedPrecondition, "SECRET_DELETED");
}

#[tokio::test]
async fn a_secret_answers_to_twenty_old_names_and_no_more() {
    let (_server, builder, runtime) = demo().await;
    let mut name = "OLD".to_owned();
    for number in 1..=20 {
        let next = format!("NAME_{number}");
        builder.rename("demo", &name, &next).await.unwrap();
        name = next;
    }
    let full = builder.get_secret("demo", &name).await.unwrap();
    assert_eq!(full.aliases.len(), 20);
    let too_many = async |new: &str| {
        let answer = builder.rename("demo", "NAME_20", new).await;
        refused(answer).is(Code::ResourceExhausted, "ALIAS_LIMIT");
    };
    too_many("NAME_21").await;
    too_many("name_20").await;
    assert_eq!(builder.get_secret("demo", "NAME_20").await.unwrap(), full);
    assert_eq!(named(&runtime, &["OLD"]).await.unwrap(), [is_override("OLD")]);
    // To take one of them back needs no room.
    let back = builder.rename("demo", "NAME_20", "NAME_7").await.unwrap();
    assert_eq!(back.aliases.len(), 20);
    builder.rename("demo", "NAME_7", "NAME_20").await.unwrap();
    builder.release_alias("demo", "NAME_20", "NAME_3").await.unwrap();
    builder.rename("demo", "NAME_20", "NAME_21").await.unwrap();
    too_many_again(&builder).await;
}

async fn too_many_again(builder: &Client) {
    let answer = builder.rename("demo", "NAME_21", "NAME_22").await;
    refused(answer).is(Code::ResourceExhausted, "ALIAS_LIMIT");
}

#[tokio::test]
async fn both_can_be_based_on_the_etag_of_the_secret() {
    let (_server, builder, _runtime) = demo().await;
    let rename = async |name: &str, new: &str, etag: &str| -> Result<v1::Secret, Status> {
        let request = v1::RenameSecretRequest {
            name: format!("projects/demo/secrets/{name}"),
            new_secret_id: new.to_owned(),
            etag: etag.to_owned(),
            ..Default::default()
        };
        let answer = builder.secrets.clone().rename_secret(request).await?;
        Ok(answer.into_inner().secret.unwrap())
    };
    let release = async |name: &str, alias: &str, etag: &str| -> Result<v1::Secret, Status> {
        let request = v1::ReleaseSecretAliasRequest {
            name: format!("projects/demo/secrets/{name}"),
            alias: alias.to_owned(),
            etag: etag.to_owned(),
            ..Default::default()
        };
        let answer = builder.secrets.clone().release_secret_alias(request).await?;
        Ok(answer.into_inner().secret.unwrap())
    };
    let first = builder.get_secret("demo", "OLD").await.unwrap();
    // A value is no part of it.
    builder.set("demo", "OLD", default_slot(), "more").await.unwrap();
    let second = rename("OLD", "NEW", &first.etag).await.unwrap();
    let stale = rename("NEW", "NEWER", &first.etag).await;
    refused(stale).is(Code::Aborted, "ETAG_MISMATCH");
    let stale = release("NEW", "OLD", &first.etag).await;
    refused(stale).is(Code::Aborted, "ETAG_MISMATCH");
    let other = builder.get_secret("demo", "OTHER").await.unwrap();
    refused(rename("NEW", "NEWER", &other.etag).await).is(Code::Aborted, "ETAG_MISMATCH");
    let third = release("NEW", "OLD", &second.etag).await.unwrap();
    assert_ne!(third.etag, second.etag);
}

#[tokio::test]
async fn a_longer_name_has_to_fit_its_views() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    let long = "l".repeat(65_536);
    builder.create_secret("demo", "S", Visibility::Masked, Some("short")).await.unwrap();
    let mut filling = 0;
    // As full as it gets with values that are half as long each time.
    let mut length = long.len();
    while length > 0 {
        let name = format!("FILL_{filling}");
        let made = builder.create_secret("demo", &name, Visibility::Masked, Some(&long[..length]));
        match made.await {
            Ok(_) => filling += 1,
            Err(_) => length /= 2,
        }
    }
    let longer = "L".repeat(64);
    let answer = builder.rename("demo", "S", &longer).await;
    refused(answer).is(Code::ResourceExhausted, "VIEW_TOO_LARGE");
    refused(builder.get_secret("demo", &longer).await).is(Code::NotFound, "SECRET_NOT_FOUND");
    assert!(builder.get_secret("demo", "S").await.unwrap().aliases.is_empty());
    builder.rename("demo", "S", "T").await.unwrap();
    builder.delete_secret("demo", "FILL_0").await.unwrap();
    builder.rename("demo", "T", &longer).await.unwrap();
}

#[tokio::test]
async fn admins_and_builders_rename_and_nobody_else() {
    let (server, _builder, _runtime) = demo().await;
    for role in Role::ALL {
        let client = server.client(role, false, "projects/demo").await;
        let new = format!("BY_{role:?}");
        let renamed = client.rename("demo", "OTHER", &new).await;
        let released = client.release_alias("demo", &new, "OTHER").await;
        if matches!(role, Role::Admin | Role::Builder) {
            renamed.unwrap();
            released.unwrap();
            client.rename("demo", &new, "OTHER").await.unwrap();
        } else {
            for answer in [renamed, released, client.rename("demo", "NEVER", "FREE").await] {
                refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
            }
        }
    }
}
