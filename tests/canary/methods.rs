//! Every method, with success, where all that is stored is a canary.

use super::needles::{Needles, latin1};
use super::{PLAIN, TEXT, Tokens};
use crate::rights;
use crate::support::binary::Serving;
use crate::support::raw::{Raw, methods};
use crate::support::{Client, default_slot};
use prost::Message as _;
use std::collections::BTreeSet;
use waxseal_proto::v1;

/// Calls each as somebody who may. The project `demo` has to be there. Tokens that are made are
/// looked for from then on.
pub async fn succeed(serving: &Serving, tokens: &Tokens, needles: &mut Needles) {
    let admin = Client::connect(&serving.url(), &tokens.admin).await;
    admin.create_environment("demo", "staging").await.unwrap();
    rights::furnish(&admin).await;
    let raw = Raw::connect(&serving.url()).await;
    let (mut succeeded, mut disclosed) = (BTreeSet::new(), String::new());
    for (number, row) in rights::rows::rows().into_iter().enumerate() {
        for token in tokens.all() {
            let Ok(answer) = raw.call(row.method, token, (row.existing)(number)).await else {
                continue;
            };
            let answer = answer.into_inner();
            if row.method == "CreateApiToken" {
                let made = v1::CreateApiTokenResponse::decode(&*answer).unwrap();
                needles.token(&made.token);
            }
            disclosed.push_str(&latin1(&answer));
            succeeded.insert(row.method.to_owned());
            rights::undo(&admin, &row.undo).await;
            break;
        }
    }
    let all = methods().into_iter().map(|(_, method)| method.name().to_owned());
    let missing: Vec<_> = all.filter(|method| !succeeded.contains(method)).collect();
    // A deployment's first admin is made once, and over a Unix socket.
    assert_eq!(missing, ["Initialize"]);
    // What is looked for elsewhere would be found: it was in what was answered.
    let mut values = Needles::default();
    values.value("the text", TEXT.as_bytes());
    values.value("the plain text", PLAIN.as_bytes());
    let found = values.found_in(&disclosed);
    assert!(
        found.contains(&"the text, raw") && found.contains(&"the plain text, raw"),
        "{found:?}"
    );
    assert!(admin.verify("demo", "KEY_M", default_slot(), TEXT).await.unwrap());
}
