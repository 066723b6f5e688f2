//! Who may do what: principals, bindings, tokens, and that what was taken away is gone.

mod ended;
pub mod first;
mod given;
mod race;
mod retries;
mod shapes;
mod tokens;

use crate::support::{Client, Server, token_of};
use waxseal_proto::v1::Role;

const LIVE: &str = "projects/demo/environments/main/stages/live";

/// A principal with a role, and a caller with a token of it.
async fn caller(server: &Server, id: &str, role: Role, scope: &str) -> (String, Client) {
    let admin = server.admin().await;
    admin.create_principal(id).await.unwrap();
    admin.bind(id, role, scope).await.unwrap();
    let (token, shown) = admin.issue(id, token_of(role, scope)).await.unwrap();
    (token.name, Client::connect(&server.address, &shown).await)
}
