//! Messages in the JSON form of Protocol Buffers: the names of the API, and every field.

use crate::failure::Failure;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use std::io;
use waxseal_proto::v1;

/// A message that knows what it is called.
pub(crate) trait Named: prost::Message {
    const NAME: &'static str;
}

macro_rules! named {
    ($($message:ident),* $(,)?) => {
        $(impl Named for v1::$message {
            const NAME: &'static str = concat!("waxseal.v1.", stringify!($message));
        })*

        #[cfg(test)]
        const NAMES: &[&str] = &[$(<v1::$message as Named>::NAME),*];
    };
}

named!(
    BatchSetOverridesResponse,
    ClearSecretValueResponse,
    CloneEnvironmentResponse,
    CreateApiTokenResponse,
    CreateBindingResponse,
    CreateEnvironmentResponse,
    CreatePrincipalResponse,
    CreateProjectResponse,
    CreateSecretResponse,
    DeleteBindingResponse,
    DeleteEnvironmentResponse,
    DeletePrincipalResponse,
    DeleteProjectResponse,
    DeleteSecretResponse,
    DestroySecretVersionResponse,
    DuplicateProjectResponse,
    ExplainEnvironmentResponse,
    GetEnvironmentResponse,
    GetKeyStatusResponse,
    GetPrincipalResponse,
    GetProjectResponse,
    GetSecretResponse,
    ImportProjectResponse,
    ListApiTokensResponse,
    ListAuditEventsResponse,
    ListBindingsResponse,
    ListEnvironmentsResponse,
    ListOverridesResponse,
    ListPrincipalsResponse,
    ListProjectsResponse,
    ListSecretVersionsResponse,
    ListSecretsResponse,
    ParseReferencesResponse,
    PurgeSecretResponse,
    ReleaseSecretAliasResponse,
    RenameSecretResponse,
    RenderTemplatesResponse,
    ResolveEnvironmentResponse,
    ResolveSecretsResponse,
    RevealSecretValueResponse,
    RevokeApiTokenResponse,
    RewrapDataKeysResponse,
    RollbackSecretValueResponse,
    SetSecretValueResponse,
    UndeleteProjectResponse,
    UndeleteSecretResponse,
    UpdateEnvironmentResponse,
    UpdatePrincipalResponse,
    UpdateProjectResponse,
    UpdateSecretResponse,
    VerifyAuditTrailResponse,
    VerifySecretValueResponse,
    WhoAmIResponse,
);

/// A message as one line of JSON.
pub(crate) fn line<M: Named>(message: &M) -> Result<String, Failure> {
    text(message).map_err(Failure::Output)
}

fn text<M: Named>(message: &M) -> io::Result<String> {
    let pool = DescriptorPool::decode(waxseal_proto::FILE_DESCRIPTOR_SET).map_err(other)?;
    let kind = pool.get_message_by_name(M::NAME).ok_or_else(|| other(M::NAME))?;
    let bytes = message.encode_to_vec();
    let message = DynamicMessage::decode(kind, bytes.as_slice()).map_err(other)?;
    let mut json = serde_json::Serializer::new(Vec::new());
    // What is empty or false is said, so that a script need not know what it means to be missing.
    let options = SerializeOptions::new().skip_default_fields(false);
    message.serialize_with_options(&mut json, &options)?;
    let text = String::from_utf8(json.into_inner()).map_err(other)?;
    Ok(text + "\n")
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value<M: Named>(message: &M) -> serde_json::Value {
        serde_json::from_str(&text(message).unwrap()).unwrap()
    }

    #[test]
    fn every_message_has_its_name() {
        let pool = DescriptorPool::decode(waxseal_proto::FILE_DESCRIPTOR_SET).unwrap();
        for name in NAMES {
            assert!(pool.get_message_by_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn names_numbers_enums_and_times_are_those_of_the_api() {
        let secret = v1::Secret {
            name: "projects/demo/secrets/A".to_owned(),
            visibility: v1::Visibility::Masked.into(),
            default_version: 1,
            create_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
            ..Default::default()
        };
        let json = value(&v1::GetSecretResponse { secret: Some(secret) });
        assert_eq!(json["secret"]["visibility"], "VISIBILITY_MASKED");
        assert_eq!(json["secret"]["defaultVersion"], "1");
        assert_eq!(json["secret"]["createTime"], "2023-11-14T22:13:20Z");
        assert_eq!(json["secret"]["hasValue"], false);
        assert_eq!(json["secret"]["aliases"], json!([]));
        assert_eq!(json["secret"].get("deleteTime"), None);
        assert_eq!(json["secret"].get("hasOverride"), None);
    }

    #[test]
    fn a_list_is_an_object_with_an_array() {
        let json = value(&v1::ListSecretsResponse::default());
        assert_eq!(json, json!({"secrets": [], "nextPageToken": "", "totalSize": 0}));
    }
}
