//! The client of the SDK, put together.

use super::AwsSettings;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{Credentials, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::time::Duration;

/// The first pause before a call is attempted again; it doubles, and each is cut short by chance.
/// With three attempts the pauses stay under a second together.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Makes the client; `None` while the region cannot be found out.
pub(super) async fn connect(settings: &AwsSettings) -> Option<Client> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.attempt_timeout)
        .operation_attempt_timeout(settings.attempt_timeout)
        .operation_timeout(settings.operation_timeout)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(settings.max_attempts.max(1))
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(settings))
        .timeout_config(timeouts)
        .retry_config(retries);
    if let Some(region) = region(settings) {
        loader = loader.region(Region::new(region));
    }
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some((id, secret)) = &settings.credentials {
        loader = loader.credentials_provider(Credentials::new(id, secret, None, None, "settings"));
    }
    let config = loader.load().await;
    config.region()?;
    Some(Client::new(&config))
}

/// Dropping the connector would compile and fail at the first request.
fn http_client(settings: &AwsSettings) -> SharedHttpClient {
    let plain = settings.endpoint.as_ref().is_some_and(|it| it.starts_with("http://"));
    if plain {
        // An emulator; the machine may have no certificates of authorities at all.
        return Builder::new().build_http();
    }
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

fn region(settings: &AwsSettings) -> Option<String> {
    settings.region.clone().or_else(|| {
        let mut parts = settings.key.split(':');
        let arn = parts.next() == Some("arn");
        parts.nth(2).filter(|region| arn && !region.is_empty()).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_that_of_the_key_unless_it_is_set() {
        let key = "arn:aws:kms:eu-central-1:111122223333:key/0";
        assert_eq!(region(&AwsSettings::new(key)).as_deref(), Some("eu-central-1"));
        for unknown in ["alias/waxseal", "0:a:b:c:d", "arn:aws:kms", "arn:aws:kms::1:key/0"] {
            assert_eq!(region(&AwsSettings::new(unknown)), None, "{unknown}");
        }
        let set = AwsSettings { region: Some("us-east-1".to_owned()), ..AwsSettings::new(key) };
        assert_eq!(region(&set).as_deref(), Some("us-east-1"));
    }
}
