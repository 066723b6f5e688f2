//! Projects.

use super::time;
use waxseal_domain::name;
use waxseal_domain::project::Project;
use waxseal_engine::etag;
use waxseal_proto::v1;

pub(crate) fn message(project: &Project) -> v1::Project {
    v1::Project {
        name: name::project(&project.id),
        uid: project.uid.to_string(),
        display_name: project.display_name.clone(),
        create_time: Some(time::message(project.created)),
        update_time: Some(time::message(project.updated)),
        etag: etag::project(project),
    }
}
