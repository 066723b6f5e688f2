//! Health of the server and of each service.

use crate::config::Services;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// The whole, and each service by its name.
const NAMES: [&str; 8] = [
    "",
    "waxseal.v1.AccessService",
    "waxseal.v1.ProjectService",
    "waxseal.v1.EnvironmentService",
    "waxseal.v1.SecretService",
    "waxseal.v1.KeyService",
    "waxseal.v1.AuditService",
    super::runtime::NAME,
];

/// Serving for as long as the process lives, whatever becomes of its engines: for a probe that
/// restarts what it does not find alive.
const LIVENESS: &str = "liveness";

/// What health checks are told.
#[derive(Clone)]
pub(crate) struct Health {
    reporter: HealthReporter,
    served: Services,
}

/// The health service. It has to be told once that it [serves](Health::serving).
pub(super) fn health(served: Services) -> (Health, HealthServer<HealthService>) {
    let reporter = HealthReporter::new();
    let server = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
    (Health { reporter, served }, server)
}

impl Health {
    /// Alive, and not ready yet.
    pub(crate) async fn began(&self) {
        self.not_serving().await;
        self.reporter.set_service_status(LIVENESS, ServingStatus::Serving).await;
    }

    pub(crate) async fn serving(&self) {
        self.say(ServingStatus::Serving).await;
    }

    pub(crate) async fn not_serving(&self) {
        self.say(ServingStatus::NotServing).await;
    }

    async fn say(&self, status: ServingStatus) {
        let served = |name: &&str| {
            name.strip_prefix("waxseal.v1.").is_none_or(|service| self.served.serve(service))
        };
        for name in NAMES.into_iter().filter(served) {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    #[test]
    fn every_service_has_its_health() {
        let set = prost_types::FileDescriptorSet::decode(waxseal_proto::FILE_DESCRIPTOR_SET);
        let files = set.unwrap().file;
        let services = files.iter().flat_map(|file| {
            file.service.iter().map(|service| format!("{}.{}", file.package(), service.name()))
        });
        let mut services: Vec<_> = services.collect();
        services.push(String::new());
        services.sort();
        let mut names = NAMES.to_vec();
        names.sort_unstable();
        assert_eq!(services, names);
    }
}
