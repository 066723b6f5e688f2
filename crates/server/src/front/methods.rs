//! The methods there are, as the definitions say.

use http::Uri;
use prost::{DecodeError, Message as _};
use prost_types::FileDescriptorSet;
use std::collections::HashMap;

/// How a method is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// One of ours: with credentials, and a stop waits for its end.
    Ours,
    /// A standard one that needs credentials: reflection where other machines can reach it.
    Closed,
    /// A standard one that needs none: health, and reflection where only this machine can reach
    /// it.
    Open,
}

/// The paths of all methods.
///
/// A path that is not here, byte for byte, is refused before anything else looks at it. Routers
/// are looser than that: they let a query pass, which has been a way around authorisation.
#[derive(Debug)]
pub(crate) struct Methods(HashMap<String, Access>);

impl Methods {
    /// The methods of these encoded file descriptor sets.
    pub(crate) fn read(sets: &[(&[u8], Access)]) -> Result<Self, DecodeError> {
        let mut methods = HashMap::new();
        for (set, access) in sets {
            for file in FileDescriptorSet::decode(*set)?.file {
                for service in &file.service {
                    for method in &service.method {
                        let path =
                            format!("/{}.{}/{}", file.package(), service.name(), method.name());
                        methods.insert(path, *access);
                    }
                }
            }
        }
        Ok(Self(methods))
    }

    /// Those of these methods whose paths are wanted.
    pub(crate) fn only(mut self, wanted: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|path, _| wanted(path));
        self
    }

    /// How the method of this request line may be reached; `None` when there is none.
    pub(super) fn access(&self, uri: &Uri) -> Option<Access> {
        self.0.get(uri.path_and_query()?.as_str()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_paths_are_known() {
        let open: &[u8] = tonic_health::pb::FILE_DESCRIPTOR_SET;
        let ours = waxseal_proto::FILE_DESCRIPTOR_SET;
        let methods = Methods::read(&[(ours, Access::Ours), (open, Access::Open)]).unwrap();
        let access = |path: &str| methods.access(&path.parse().unwrap());
        assert_eq!(access("/waxseal.v1.ProjectService/GetProject"), Some(Access::Ours));
        assert_eq!(
            access("http://h/waxseal.v1.ProjectService/GetProject"),
            access("/waxseal.v1.ProjectService/GetProject")
        );
        assert_eq!(access("/grpc.health.v1.Health/Check"), Some(Access::Open));
        for other in [
            "/",
            "/waxseal.v1.ProjectService/GetProject?x=1",
            "/waxseal.v1.ProjectService/GetProject?",
            "/waxseal.v1.ProjectService/GetProject/",
            "/waxseal.v1.ProjectService//GetProject",
            "/waxseal.v1.ProjectService/getProject",
            "/waxseal.v1.ProjectService/Get%50roject",
            "/waxseal.v1.ProjectService/../ProjectService/GetProject",
            "//waxseal.v1.ProjectService/GetProject",
        ] {
            assert_eq!(access(other), None, "{other}");
        }
    }
}
