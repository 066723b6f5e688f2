//! A server as the commands see it: calls with a time limit, repeated where that is safe.

mod advice;
mod caller;
mod refused;

pub(crate) use caller::{Bearer, Caller};
pub(crate) use refused::Refused;

use crate::failure::Failure;
use crate::settings::{Address, Tls};
use std::time::Duration;
use tonic::transport::Endpoint;
use tonic::{Request, Response, Status};

/// Pauses before the second, third, .. attempt.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(150),
    Duration::from_millis(400),
    Duration::from_millis(1_000),
];
/// A server that asks for more is left alone.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(5);

/// A server, and the caller that speaks to it.
pub(crate) struct Client {
    pub(crate) caller: Caller,
    address: Address,
    timeout: Duration,
}

/// A call that did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.line())]
pub(crate) struct CallError {
    pub(crate) refused: Refused,
    address: Address,
    /// Of a change: what to repeat it with.
    request_id: Option<String>,
}

impl Client {
    /// Connects when the first call is made.
    pub(crate) fn new(
        address: Address,
        tls: Option<&Tls>,
        token: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let mut endpoint = Endpoint::from_shared(address.uri()).map_err(Failure::Endpoint)?;
        if let Some(tls) = tls {
            let identity = tls.is_identity();
            endpoint = endpoint.tls_config(tls.config()?).map_err(|_| Failure::Tls { identity })?;
        }
        let channel = endpoint.connect_timeout(CONNECT).connect_lazy();
        let bearer = token.map_or_else(Bearer::none, Bearer::of);
        Ok(Self { caller: Caller { channel, bearer }, address, timeout })
    }

    /// Connects without a token, for the one call that takes none.
    pub(crate) fn without_token(address: Address, timeout: Duration) -> Result<Self, Failure> {
        Self::new(address, None, None, timeout)
    }

    /// Makes a call that only reads.
    pub(crate) async fn read<Q: Clone, A>(
        &self,
        request: Q,
        method: impl AsyncFn(&Caller, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        self.call(None, request, method).await
    }

    /// Makes a call that changes something. Its request id makes it safe to repeat.
    pub(crate) async fn change<Q: Clone, A>(
        &self,
        request_id: &str,
        request: Q,
        method: impl AsyncFn(&Caller, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        self.call(Some(request_id), request, method).await
    }

    /// Opens a stream, once. The time limit is for its beginning: it may go on for as long as it
    /// takes.
    pub(crate) async fn open<Q, A>(
        &self,
        request: Q,
        method: impl AsyncFn(&Caller, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        let begun = tokio::time::timeout(self.timeout, method(&self.caller, Request::new(request)));
        match begun.await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(self.refused(status)),
            Err(_) => Err(self.failure(Refused::late(), None)),
        }
    }

    /// What a refusal in the middle of a stream is to its command.
    pub(crate) fn refused(&self, status: Status) -> Failure {
        self.failure(Refused::from(status), None)
    }

    fn failure(&self, refused: Refused, request_id: Option<&str>) -> Failure {
        let (address, request_id) = (self.address.clone(), request_id.map(str::to_owned));
        Box::new(CallError { refused, address, request_id }).into()
    }

    async fn call<Q: Clone, A>(
        &self,
        request_id: Option<&str>,
        request: Q,
        method: impl AsyncFn(&Caller, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let mut attempt = Request::new(request.clone());
            attempt.set_timeout(self.timeout);
            let limited = tokio::time::timeout(self.timeout, method(&self.caller, attempt));
            let refused = match limited.await {
                Ok(Ok(response)) => return Ok(response.into_inner()),
                Ok(Err(status)) => Refused::from(status),
                Err(_) => Refused::late(),
            };
            match pauses.next().map(|pause| refused.pause(pause)) {
                Some(Some(pause)) if pause <= LONGEST_PAUSE => tokio::time::sleep(pause).await,
                _ => return Err(self.failure(refused, request_id)),
            }
        }
    }
}

impl CallError {
    /// What the server said, and what to do.
    fn line(&self) -> String {
        let (message, refused) = (self.message(), &self.refused);
        match self.advice() {
            Some(advice) => format!("{message} ({refused}); {advice}"),
            None => format!("{message} ({refused})"),
        }
    }

    /// What the server said, if it was reached.
    pub(crate) fn message(&self) -> String {
        let (refused, address) = (&self.refused, &self.address);
        match (refused.obstacle(), address) {
            (Some(obstacle), _) => format!("no TLS with {address}: {obstacle}"),
            (None, _) if refused.is_unreachable() => {
                format!("the server at {address} cannot be reached")
            }
            (None, Address::Tls(_)) if refused.is_broken() => format!(
                "the server at {address} closed the connection, as it does where it does not take \
                 the certificate that it was shown, or wants one (--cert, --key)"
            ),
            (None, _) if refused.is_broken() => format!(
                "the server at {address} closed the connection; where it speaks TLS, its address \
                 is https://HOST:PORT"
            ),
            (None, _) => refused.message().to_owned(),
        }
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match (&self.request_id, self.refused.leaves_doubt()) {
            (Some(id), true) => {
                Some(format!("repeat the command with --request-id {id}: it is applied once"))
            }
            _ => advice::on(&self.refused).map(str::to_owned),
        }
    }
}
