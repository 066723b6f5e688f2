//! The wire of Waxseal: the messages, clients and servers generated from the proto definitions in
//! this folder.

use std::fmt;

/// Package `waxseal.v1`.
pub mod v1 {
    #![allow(
        missing_docs,
        unused_qualifications,
        clippy::all,
        rustdoc::broken_intra_doc_links,
        rustdoc::invalid_html_tags,
        reason = "generated; what there is to say about a message is said in its definition"
    )]

    include!(concat!(env!("OUT_DIR"), "/waxseal.v1.rs"));
}

/// The definitions as an encoded `google.protobuf.FileDescriptorSet`: all files of `waxseal.v1` and
/// those they import, with their comments. For reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/waxseal.v1.binpb"));

/// Says whether it is text or bytes, and nothing else: neither value nor length nor checksum.
impl fmt::Debug for v1::SecretPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.payload {
            Some(v1::secret_payload::Payload::Text(_)) => "SecretPayload(text, redacted)",
            Some(v1::secret_payload::Payload::Data(_)) => "SecretPayload(data, redacted)",
            None => "SecretPayload(none)",
        })
    }
}

/// Without the token.
impl fmt::Debug for v1::CreateApiTokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api_token, token: _ } = self;
        f.debug_struct("CreateApiTokenResponse")
            .field("api_token", api_token)
            .finish_non_exhaustive()
    }
}

/// Without the token.
impl fmt::Debug for v1::InitializeResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, token: _, token_expire_time } = self;
        f.debug_struct("InitializeResponse")
            .field("principal", principal)
            .field("token_expire_time", token_expire_time)
            .finish_non_exhaustive()
    }
}

/// Without the document.
impl fmt::Debug for v1::ImportProjectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project_id, document: _, request_id } = self;
        f.debug_struct("ImportProjectRequest")
            .field("project_id", project_id)
            .field("request_id", request_id)
            .finish_non_exhaustive()
    }
}

/// Without the text.
impl fmt::Debug for v1::ParseReferencesRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parent, text: _, environment, stage: _ } = self;
        f.debug_struct("ParseReferencesRequest")
            .field("parent", parent)
            .field("environment", environment)
            .field("stage", &self.stage())
            .finish_non_exhaustive()
    }
}

/// Without the texts and the variables.
impl fmt::Debug for v1::RenderTemplatesRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, stage: _, consistency, templates, variables: _ } = self;
        f.debug_struct("RenderTemplatesRequest")
            .field("name", name)
            .field("stage", &self.stage())
            .field("consistency", consistency)
            .field("templates", templates)
            .finish_non_exhaustive()
    }
}

/// Without the text.
impl fmt::Debug for v1::Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, text: _, context: _ } = self;
        f.debug_struct("Template")
            .field("id", id)
            .field("context", &self.context())
            .finish_non_exhaustive()
    }
}

/// Without the redacted text: it holds no secret, and all that a user typed.
impl fmt::Debug for v1::RenderedTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, payload, redacted: _, used } = self;
        f.debug_struct("RenderedTemplate")
            .field("id", id)
            .field("payload", payload)
            .field("used", used)
            .finish_non_exhaustive()
    }
}
