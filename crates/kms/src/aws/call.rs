//! One request to AWS KMS and what surrounds it: the queue, the breaker, the time limit.

use super::breaker::Breaker;
use super::failure::Failure;
use super::turns::Turns;
use super::{AwsSettings, SPEC, client};
use crate::Error;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::decrypt::DecryptOutput;
use aws_sdk_kms::operation::encrypt::EncryptOutput;
use aws_sdk_kms::operation::generate_data_key::GenerateDataKeyOutput;
use aws_sdk_kms::operation::re_encrypt::ReEncryptOutput;
use aws_sdk_kms::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::collections::HashMap;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::debug;

/// An encryption context as the SDK takes it.
pub(super) type Entries = HashMap<String, String>;

/// Makes the requests of one provider.
pub(super) struct Calls {
    settings: AwsSettings,
    client: OnceCell<Client>,
    turns: Turns,
    breaker: Breaker,
}

impl Calls {
    pub(super) fn new(settings: AwsSettings) -> Self {
        let turns = Turns::new(settings.concurrency);
        let breaker = Breaker::new(settings.breaker_pause);
        Self { settings, client: OnceCell::new(), turns, breaker }
    }

    pub(super) async fn generate(
        &self,
        key_id: &str,
        context: Entries,
    ) -> Result<GenerateDataKeyOutput, Error> {
        self.call("GenerateDataKey", key_id, async |client| {
            let request = client.generate_data_key().key_id(key_id).key_spec(SPEC);
            request.set_encryption_context(Some(context)).send().await
        })
        .await
    }

    pub(super) async fn decrypt(
        &self,
        key_id: &str,
        context: Entries,
        bytes: &[u8],
    ) -> Result<DecryptOutput, Error> {
        self.call("Decrypt", key_id, async |client| {
            let request = client.decrypt().key_id(key_id).ciphertext_blob(Blob::new(bytes));
            request.set_encryption_context(Some(context)).send().await
        })
        .await
    }

    pub(super) async fn encrypt(
        &self,
        key_id: &str,
        context: Entries,
        plaintext: Blob,
    ) -> Result<EncryptOutput, Error> {
        self.call("Encrypt", key_id, async |client| {
            let request = client.encrypt().key_id(key_id).plaintext(plaintext);
            request.set_encryption_context(Some(context)).send().await
        })
        .await
    }

    pub(super) async fn re_encrypt(
        &self,
        from: &str,
        to: &str,
        context: Entries,
        bytes: &[u8],
    ) -> Result<ReEncryptOutput, Error> {
        self.call("ReEncrypt", from, async |client| {
            client
                .re_encrypt()
                .source_key_id(from)
                .destination_key_id(to)
                .ciphertext_blob(Blob::new(bytes))
                .set_source_encryption_context(Some(context.clone()))
                .set_destination_encryption_context(Some(context))
                .send()
                .await
        })
        .await
    }

    /// The ARN of a key that is named in another way.
    pub(super) async fn resolve(&self, name: &str) -> Result<String, Error> {
        let answer = self
            .call("DescribeKey", name, async |client| {
                client.describe_key().key_id(name).send().await
            })
            .await?;
        let arn = answer.key_metadata.and_then(|metadata| metadata.arn);
        arn.ok_or_else(|| Error::Unavailable { key_id: name.to_owned() })
    }

    async fn call<T, E: ProvideErrorMetadata>(
        &self,
        operation: &'static str,
        key_id: &str,
        request: impl AsyncFnOnce(&Client) -> Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T, Error> {
        let unavailable = || Error::Unavailable { key_id: key_id.to_owned() };
        let limit = self.settings.operation_timeout;
        let Ok(Some(_turn)) = timeout(limit, self.turns.take()).await else {
            // We are the ones who are busy, which tells nothing of the service.
            return Err(unavailable());
        };
        let Some(pass) = self.breaker.pass() else { return Err(unavailable()) };
        let answer = timeout(limit, async {
            let client = self
                .client
                .get_or_try_init(async || {
                    client::connect(&self.settings).await.ok_or(Failure::Transient)
                })
                .await?;
            request(client).await.map_err(|error| Failure::of(&error))
        })
        .await
        .unwrap_or(Err(Failure::Transient));
        match answer {
            Err(Failure::Transient) => pass.failed(),
            _ => pass.answered(),
        }
        match answer {
            Ok(_) => self.turns.went_well(),
            Err(Failure::Throttled) => self.turns.throttled(),
            Err(_) => {}
        }
        answer.map_err(|failure| {
            debug!(operation, key_id, ?failure, "the key service did not do it");
            failure.about(key_id)
        })
    }
}
