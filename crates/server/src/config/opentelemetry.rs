//! The variables that OpenTelemetry has for what is set here too, as its specification has them.

use super::{ConfigError, Telemetry};
use std::path::PathBuf;

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const AUTHORITIES: [&str; 2] =
    ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];

impl Telemetry {
    /// Takes what is not set from the variables of OpenTelemetry; one that is empty is not set.
    /// `variable` says what a variable is set to. Where `OTEL_SDK_DISABLED` or
    /// `OTEL_TRACES_EXPORTER` say that nothing is traced, none of them names a collector.
    ///
    /// # Errors
    /// A collector that cannot be spoken to: what is meant for it would silently be lost.
    pub fn fill_in(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), ConfigError> {
        let set = |name: &&'static str| {
            let value = variable(name).filter(|value| !value.is_empty());
            value.map(|value| (*name, value))
        };
        let says = |name, word: &str| {
            set(&name).is_some_and(|(_, value)| value.trim().eq_ignore_ascii_case(word))
        };
        let disabled = says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none");
        if self.otlp_endpoint.is_none()
            && !disabled
            && let Some((name, endpoint)) = ENDPOINTS.iter().find_map(set)
        {
            let protocol = PROTOCOLS.iter().find_map(set);
            if let Some((name, _)) = protocol.filter(|(_, protocol)| protocol != "grpc") {
                let why = "is set to something else than grpc, and nothing else is spoken";
                return Err(ConfigError::OpenTelemetry { name, why });
            }
            let endpoint = endpoint.parse();
            let endpoint = endpoint.map_err(|super::telemetry::Invalid(why)| {
                ConfigError::OpenTelemetry { name, why }
            })?;
            self.otlp_endpoint = Some(endpoint);
        }
        if self.otlp_ca.is_none() {
            self.otlp_ca = AUTHORITIES.iter().find_map(set).map(|(_, path)| PathBuf::from(path));
        }
        if self.service_name.is_none() {
            self.service_name = set(&"OTEL_SERVICE_NAME").map(|(_, name)| name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(mut telemetry: Telemetry, set: &[(&str, &str)]) -> Result<Telemetry, ConfigError> {
        let value = |name: &str| set.iter().find(|(set, _)| *set == name);
        telemetry.fill_in(|name| value(name).map(|(_, value)| (*value).to_owned()))?;
        Ok(telemetry)
    }

    fn endpoint(telemetry: &Telemetry) -> Option<&str> {
        telemetry.otlp_endpoint.as_ref().map(super::super::Collector::as_str)
    }

    #[test]
    fn the_nearest_variable_counts_and_an_empty_one_does_not() {
        let [traces, all] = ENDPOINTS;
        let nothing = Telemetry::default;
        assert_eq!(filled(nothing(), &[(traces, ""), (all, "")]), Ok(nothing()));
        let both = filled(nothing(), &[(all, "http://all"), (traces, "http://traces")]).unwrap();
        assert_eq!(endpoint(&both), Some("http://traces"));
        let one = filled(nothing(), &[(all, "https://all:4317/"), (traces, "")]).unwrap();
        assert_eq!(endpoint(&one), Some("https://all:4317/"));
        let ours = Telemetry { otlp_endpoint: "http://ours".parse().ok(), ..nothing() };
        let ours = filled(ours, &[(traces, "nonsense"), (PROTOCOLS[1], "http/json")]).unwrap();
        assert_eq!(endpoint(&ours), Some("http://ours"));
        let set = [(AUTHORITIES[1], "/all"), (AUTHORITIES[0], "/ca"), ("OTEL_SERVICE_NAME", "it")];
        let named = filled(nothing(), &set).unwrap();
        assert_eq!(named.otlp_ca, Some(PathBuf::from("/ca")));
        assert_eq!(named.service_name.as_deref(), Some("it"));
    }

    #[test]
    fn what_cannot_be_followed_is_refused_by_its_name() {
        let refused = |set: &[(&str, &str)]| {
            let refused = filled(Telemetry::default(), set).unwrap_err().to_string();
            assert!(refused.contains("WAXSEAL_OTLP_ENDPOINT"), "{refused}");
            refused
        };
        let [traces, all] = ENDPOINTS;
        let told = refused(&[(all, "http://user:password@host")]);
        assert!(told.starts_with(all) && !told.contains("password"), "{told}");
        assert!(refused(&[(traces, "http://h/v1/traces")]).starts_with(traces));
        let (protocol, fine) = (PROTOCOLS[1], (PROTOCOLS[0], "grpc"));
        let http = [(all, "http://h"), (protocol, "http/protobuf")];
        assert!(refused(&http).starts_with(protocol));
        assert!(filled(Telemetry::default(), &[http[0], http[1], fine]).is_ok());
        // Without a collector nothing is spoken.
        assert!(filled(Telemetry::default(), &http[1..]).is_ok());
    }

    #[test]
    fn what_turns_tracing_off_goes_before_the_variables_and_not_before_ours() {
        let collector = (ENDPOINTS[1], "http://all");
        for off in [("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "none")] {
            let nothing = Telemetry::default();
            assert_eq!(filled(nothing.clone(), &[collector, off]), Ok(nothing));
            let ours =
                Telemetry { otlp_endpoint: "http://ours".parse().ok(), ..Default::default() };
            assert_eq!(endpoint(&filled(ours, &[collector, off]).unwrap()), Some("http://ours"));
        }
        for on in [("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")] {
            let filled = filled(Telemetry::default(), &[collector, on]).unwrap();
            assert_eq!(endpoint(&filled), Some("http://all"));
        }
    }
}
