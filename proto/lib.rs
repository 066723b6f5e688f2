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
