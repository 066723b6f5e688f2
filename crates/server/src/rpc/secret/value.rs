//! Methods on the value in one slot of a secret.

use crate::wire::payload::{self, Sent};
use crate::wire::request::{Body, etag};
use crate::wire::slot::{Asked, slot};
use crate::wire::{name, number, secret, time};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller};
use waxseal_engine::{
    ClearSecretValue, Engine, Error, RevealSecretValue, Revealed, SetSecretValue, ValueWritten,
    VerifySecretValue, Written,
};
use waxseal_proto::v1::{
    ClearSecretValueRequest, ClearSecretValueResponse, RevealSecretValueRequest,
    RevealSecretValueResponse, SetSecretValueRequest, SetSecretValueResponse,
    VerifySecretValueRequest, VerifySecretValueResponse,
};

pub(super) async fn set(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    mut request: SetSecretValueRequest,
) -> Result<SetSecretValueResponse, Error> {
    const ACTION: Action = Action::SetSecretValue;
    let body = Body::of(&request, &request.request_id);
    let payload = Sent::take(&mut request.payload);
    let (project, name) = name::secret("name", &request.name)?;
    let asked = Asked::slot(&project, request.slot.as_ref());
    let permit = engine.permit(&caller, ACTION, asked.target()).await?;
    let change = SetSecretValue {
        project,
        name,
        slot: slot(request.slot.as_ref())?,
        value: payload::required("payload", payload)?,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.set_secret_value(permit, change).await?;
    let ValueWritten { version, etag, warnings } = answer;
    let warnings = payload::warnings(warnings);
    Ok(SetSecretValueResponse { version: number(version), warnings, etag, revision })
}

pub(super) async fn clear(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ClearSecretValueRequest,
) -> Result<ClearSecretValueResponse, Error> {
    const ACTION: Action = Action::ClearSecretValue;
    let (project, name) = name::secret("name", &request.name)?;
    let asked = Asked::slot(&project, request.slot.as_ref());
    let permit = engine.permit(&caller, ACTION, asked.target()).await?;
    let body = Body::of(&request, &request.request_id);
    let change = ClearSecretValue {
        project,
        name,
        slot: slot(request.slot.as_ref())?,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.clear_secret_value(permit, change).await?;
    // There is nothing to warn of in a value that is gone.
    let ValueWritten { version, etag, warnings: _ } = answer;
    Ok(ClearSecretValueResponse { version: number(version), etag, revision })
}

pub(super) async fn reveal(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: RevealSecretValueRequest,
) -> Result<RevealSecretValueResponse, Error> {
    let (project, name) = name::secret("name", &request.name)?;
    let asked = Asked::slot(&project, request.slot.as_ref());
    let permit = engine.permit(&caller, Action::RevealSecretValue, asked.target()).await?;
    let wanted = RevealSecretValue {
        project,
        name,
        slot: slot(request.slot.as_ref())?,
        version: secret::version(request.version)?,
    };
    let Revealed { value, version, hide } = engine.reveal_secret_value(permit, wanted).await?;
    Ok(RevealSecretValueResponse {
        payload: Some(payload::message(value)),
        version: number(version),
        reveal_expire_time: Some(time::message(hide)),
    })
}

pub(super) async fn verify(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    mut request: VerifySecretValueRequest,
) -> Result<VerifySecretValueResponse, Error> {
    let payload = Sent::take(&mut request.payload);
    let (project, name) = name::secret("name", &request.name)?;
    let asked = Asked::slot(&project, request.slot.as_ref());
    let permit = engine.permit(&caller, Action::VerifySecretValue, asked.target()).await?;
    let verify = VerifySecretValue {
        project,
        name,
        slot: slot(request.slot.as_ref())?,
        value: payload::required("payload", payload)?,
    };
    let matches = engine.verify_secret_value(permit, verify).await?;
    Ok(VerifySecretValueResponse { matches })
}
