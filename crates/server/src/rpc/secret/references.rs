//! The references in a text.

use crate::wire::{name, render, secret};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_engine::{Engine, Error, ParseReferences};
use waxseal_proto::v1::{ParseReferencesRequest, ParseReferencesResponse};

pub(super) async fn parse(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ParseReferencesRequest,
) -> Result<ParseReferencesResponse, Error> {
    let project = name::project("parent", &request.parent)?;
    let permit = engine.permit(&caller, Action::ParseReferences, Target::Project(&project)).await?;
    let ask = ParseReferences {
        project,
        text: request.text,
        place: secret::place(&request.environment, request.stage)?,
    };
    let found = engine.parse_references(permit, ask).await?;
    let references = found.into_iter().map(render::reference).collect();
    Ok(ParseReferencesResponse { references })
}
