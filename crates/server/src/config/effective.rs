//! The configuration in force, as it is shown.

use super::{Config, LogFormat, units};
use std::fmt::Write as _;

impl Config {
    /// The configuration in force, one `NAME=value` a line, as it could be set. Nothing in it is
    /// secret: keys and tokens are in files, and none of their content is here.
    #[must_use]
    pub fn effective(&self) -> String {
        // Every field by name: one that is forgotten here does not compile.
        let Self {
            listen,
            data_dir,
            engines,
            transport,
            identities,
            audit,
            services,
            log,
            log_format,
            max_environments,
            max_secrets,
            kept_versions,
            secret_retention,
            purge_interval,
            reveal_time,
            view_cache,
            workers,
            drain_timeout,
            watch_max_age,
            limits,
            allow_plaintext,
            telemetry,
        } = self;
        let listen = listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let data_dir = data_dir.as_ref().map(|dir| dir.display().to_string()).unwrap_or_default();
        let log_format = match log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let mut lines = String::new();
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            // Writing to a string does not fail.
            let _ = writeln!(lines, "WAXSEAL_{name}={value}");
        };
        line("LISTEN", &listen);
        line("DATA_DIR", &data_dir);
        engines.show(&mut line);
        transport.show(&mut line);
        identities.show(&mut line);
        audit.show(&mut line);
        line("SERVICES", &services.as_str());
        line("LOG", log);
        line("LOG_FORMAT", &log_format);
        line("MAX_ENVIRONMENTS", max_environments);
        line("MAX_SECRETS", max_secrets);
        line("KEPT_VERSIONS", kept_versions);
        line("SECRET_RETENTION", &units::show_duration(*secret_retention));
        line("PURGE_INTERVAL", &units::show_duration(*purge_interval));
        line("REVEAL_TIME", &units::show_duration(*reveal_time));
        line("VIEW_CACHE", &units::show_size(*view_cache));
        line("WORKERS", workers);
        line("DRAIN_TIMEOUT", &units::show_duration(*drain_timeout));
        line("WATCH_MAX_AGE", &units::show_duration(*watch_max_age));
        limits.show(&mut line);
        line("ALLOW_PLAINTEXT", allow_plaintext);
        telemetry.show(&mut line);
        lines
    }
}
