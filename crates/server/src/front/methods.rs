//! The methods there are, as the definitions say.

use super::admission::Priority;
use foldhash::HashMap;
use http::Uri;
use prost::{DecodeError, Message as _};
use prost_types::FileDescriptorSet;

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

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Method {
    pub(super) access: Access,
    pub(super) priority: Priority,
    /// Whether its answer is a stream.
    pub(super) streams: bool,
    /// Its place among [`Methods::names`].
    pub(super) number: usize,
}

/// The paths of all methods.
///
/// A path that is not here, byte for byte, is refused before anything else looks at it. Routers
/// are looser than that: they let a query pass, which has been a way around authorisation.
#[derive(Debug)]
pub(crate) struct Methods(HashMap<String, Method>);

impl Methods {
    /// The methods of these encoded file descriptor sets.
    pub(crate) fn read(sets: &[(&[u8], Access)]) -> Result<Self, DecodeError> {
        let mut methods = HashMap::default();
        for (set, access) in sets {
            for file in FileDescriptorSet::decode(*set)?.file {
                for service in &file.service {
                    let runtime =
                        file.package() == "waxseal.v1" && service.name() == "RuntimeService";
                    let priority = if runtime { Priority::Runtime } else { Priority::Management };
                    for method in &service.method {
                        let path =
                            format!("/{}.{}/{}", file.package(), service.name(), method.name());
                        let streams = method.server_streaming();
                        let (access, number) = (*access, methods.len());
                        methods.insert(path, Method { access, priority, streams, number });
                    }
                }
            }
        }
        Ok(Self(methods))
    }

    /// The methods without the leading slash, each at the place that is its number.
    pub(crate) fn names(&self) -> Vec<String> {
        let numbers = self.0.values().map(|method| method.number + 1);
        let mut names = vec![String::new(); numbers.max().unwrap_or(0)];
        for (path, method) in &self.0 {
            path.trim_start_matches('/').clone_into(&mut names[method.number]);
        }
        names
    }

    /// Those of these methods whose paths are wanted.
    pub(crate) fn only(mut self, wanted: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|path, _| wanted(path));
        self
    }

    /// The method of this request line; `None` when there is none.
    pub(super) fn find(&self, uri: &Uri) -> Option<Method> {
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
        let find = |path: &str| methods.find(&path.parse().unwrap());
        let access = |path: &str| {
            let method = find(path)?;
            let name = &methods.names()[method.number];
            assert!(path.ends_with(&format!("/{name}")), "{path}: {name}");
            Some(method.access)
        };
        assert_eq!(access("/waxseal.v1.ProjectService/GetProject"), Some(Access::Ours));
        assert_eq!(
            access("http://h/waxseal.v1.ProjectService/GetProject"),
            access("/waxseal.v1.ProjectService/GetProject")
        );
        assert_eq!(access("/grpc.health.v1.Health/Check"), Some(Access::Open));
        let watch = find("/waxseal.v1.RuntimeService/WatchEnvironment").unwrap();
        assert_eq!((watch.priority, watch.streams), (Priority::Runtime, true));
        let get = find("/waxseal.v1.ProjectService/GetProject").unwrap();
        assert_eq!((get.priority, get.streams), (Priority::Management, false));
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
