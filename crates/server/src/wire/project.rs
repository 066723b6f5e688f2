//! Projects.

use super::mask::Fields;
use super::time;
use waxseal_domain::name;
use waxseal_domain::project::Project;
use waxseal_engine::etag;
use waxseal_proto::v1;

/// The fields of a project, for masks.
pub(crate) const FIELDS: Fields = Fields {
    mutable: &["display_name"],
    fixed: &["name", "uid", "create_time", "update_time", "etag", "delete_time", "purge_time"],
};

/// Whether an update without a mask means this field.
pub(crate) fn populated(sent: &v1::Project, field: &str) -> bool {
    field == "display_name" && !sent.display_name.is_empty()
}

pub(crate) fn message(project: &Project) -> v1::Project {
    let Project { uid, id, display_name, edition: _, created, updated, deletion } = project;
    v1::Project {
        name: name::project(id),
        uid: uid.to_string(),
        display_name: display_name.clone(),
        create_time: Some(time::message(*created)),
        update_time: Some(time::message(*updated)),
        etag: etag::project(project),
        delete_time: deletion.map(|deletion| time::message(deletion.deleted)),
        purge_time: deletion.map(|deletion| time::message(deletion.purge)),
    }
}
