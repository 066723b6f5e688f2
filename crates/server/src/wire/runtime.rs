//! What a resolve asks for.

use super::invalid;
use std::time::Duration;
use waxseal_domain::limits::RESOLVE_NAMES;
use waxseal_domain::name::SecretName;
use waxseal_engine::{Consistency, Error};
use waxseal_proto::v1::{self, consistency::Mode};

/// How fresh an answer has to be. The engine checks tokens and ranges.
pub(crate) fn consistency(sent: Option<&v1::Consistency>) -> Result<Consistency<'_>, Error> {
    match sent.and_then(|consistency| consistency.mode.as_ref()) {
        None | Some(Mode::Strong(v1::consistency::Strong {})) => Ok(Consistency::Strong),
        Some(Mode::AtLeast(v1::consistency::AtLeast { revision })) => {
            Ok(Consistency::AtLeast(revision))
        }
        Some(Mode::Bounded(v1::consistency::Bounded { max_staleness })) => {
            max_staleness.as_ref().and_then(duration).map(Consistency::Bounded).ok_or_else(|| {
                let rule = "be more than 0 seconds and at most 1 second";
                invalid("consistency.bounded.max_staleness", rule)
            })
        }
    }
}

fn duration(sent: &prost_types::Duration) -> Option<Duration> {
    let prost_types::Duration { seconds, nanos } = *sent;
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(seconds).ok()?, nanos))
}

/// The revision a caller holds; empty is none.
pub(crate) fn held(if_revision_not: &str) -> Option<&str> {
    (!if_revision_not.is_empty()).then_some(if_revision_not)
}

/// The names to resolve.
pub(crate) fn names(secrets: &[String]) -> Result<Vec<SecretName>, Error> {
    if !(1..=RESOLVE_NAMES).contains(&secrets.len()) {
        return Err(invalid("secrets", "hold 1 to 1000 names"));
    }
    let parse = |(index, secret): (usize, &String)| {
        SecretName::parse(secret).map_err(|invalid| Error::InvalidName {
            field: format!("secrets[{index}]"),
            rule: invalid.rule(),
        })
    };
    secrets.iter().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(max_staleness: Option<prost_types::Duration>) -> Option<Duration> {
        let bounded = v1::consistency::Bounded { max_staleness };
        let sent = v1::Consistency { mode: Some(Mode::Bounded(bounded)) };
        match consistency(Some(&sent)) {
            Ok(Consistency::Bounded(staleness)) => Some(staleness),
            _ => None,
        }
    }

    #[test]
    fn nothing_said_is_strong() {
        assert!(matches!(consistency(None), Ok(Consistency::Strong)));
        let silent = v1::Consistency { mode: None };
        assert!(matches!(consistency(Some(&silent)), Ok(Consistency::Strong)));
    }

    #[test]
    fn a_bound_is_a_duration() {
        let of = |seconds, nanos| bounded(Some(prost_types::Duration { seconds, nanos }));
        assert_eq!(of(0, 5), Some(Duration::from_nanos(5)));
        assert_eq!(bounded(None), None);
        for (seconds, nanos) in [(-1, 0), (0, -1), (0, 1_000_000_000), (1, -5)] {
            assert_eq!(of(seconds, nanos), None, "{seconds} {nanos}");
        }
    }

    #[test]
    fn one_to_a_thousand_names() {
        let many = |count| names(&vec!["A".to_owned(); count]).is_ok();
        assert_eq!([0, 1, 1_000, 1_001].map(many), [false, true, true, false]);
    }
}
