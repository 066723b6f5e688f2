//! That the table of names holds all there are.

use super::fields::FIELDS;
use crate::support::raw::{descriptors, methods};
use prost_types::field_descriptor_proto::Type;
use std::collections::BTreeSet;

/// The texts of requests that are no names, by the last part of their path.
const NO_NAMES: [&str; 11] = [
    "page_token",
    "request_id",
    "etag",
    "revision",
    "if_revision_not",
    "description",
    "display_name",
    "paths",
    "document",
    // Compared with and not parsed: nothing that is written becomes one.
    "principal",
    "action",
];

/// And by all of it. The names of variables are in `render/refusals.rs`.
const NO_NAME_PATHS: [&str; 14] = [
    "payload.text",
    "overrides.payload.text",
    "text",
    "templates.text",
    "templates.id",
    "variables.key",
    "variables.value",
    // Scopes, identities and methods are in `access/shapes.rs`.
    "scope",
    "binding.scope",
    "api_token.scope",
    "permissions",
    "principal.identities.spiffe_id",
    "principal.identities.workload.issuer",
    "principal.identities.workload.subject",
];

#[test]
fn every_name_that_a_request_holds_is_in_the_table() {
    let index = |field: &str| field.replace(['0', '1'], "").replace("[]", "");
    let tested: BTreeSet<_> =
        FIELDS.iter().map(|field| (field.method.to_owned(), index(field.field))).collect();
    let mut defined = BTreeSet::new();
    // `Initialize` has no caller: see `access/first.rs`.
    for (_, method) in methods().into_iter().filter(|(_, found)| found.name() != "Initialize") {
        let mut texts = Vec::new();
        collect(method.input_type(), "", &mut texts);
        let names = texts.into_iter().filter(|path| {
            let last = path.rsplit('.').next().unwrap_or_default();
            !NO_NAMES.contains(&last) && !NO_NAME_PATHS.contains(&path.as_str())
        });
        defined.extend(names.map(|path| (method.name().to_owned(), path)));
    }
    // Within a resource only its name is looked at where it is changed, and not where it is made.
    defined.retain(|(method, path)| {
        let made = method.starts_with("Create") && path.ends_with(".name");
        let given = [".uid", "_etag", ".aliases"].iter().any(|end| path.ends_with(end));
        !made && !given
    });
    assert_eq!(tested, defined);
}

/// The paths of all texts in a message.
fn collect(message: &str, before: &str, texts: &mut Vec<String>) {
    let name = message.rsplit('.').next().unwrap_or_default();
    let files = descriptors().file;
    let mut messages = files
        .iter()
        .filter(|file| message.starts_with(".waxseal") || file.package() == "google.protobuf")
        .flat_map(|file| {
            file.message_type
                .iter()
                .flat_map(|outer| std::iter::once(outer).chain(&outer.nested_type))
        });
    let Some(found) = messages.find(|found| found.name() == name) else { return };
    for field in &found.field {
        let path = format!("{before}{}", field.name());
        match field.r#type() {
            Type::String => texts.push(path),
            Type::Message => collect(field.type_name(), &format!("{path}."), texts),
            _ => {}
        }
    }
}
