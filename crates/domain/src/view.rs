//! What an agent sees: for one environment and stage, every secret with its effective value.

use crate::environment::Fallback;
use crate::name::SecretName;
use crate::value::SecretValue;
use serde::{Deserialize, Serialize};

/// Which slot a resolved value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// The default slot.
    Default,
    /// The override of exactly this environment and stage.
    Override,
}

/// Why a secret has no value in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UnsetReason {
    /// Neither an override nor a default holds a value.
    NoValue,
    /// A default holds a value, and this environment refuses defaults.
    FallbackDenied,
}

/// What a view holds for one secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effective<V> {
    /// A value, and where it came from.
    Value(Origin, V),
    /// None, and why.
    Unset(UnsetReason),
}

/// The one rule of resolution: the override for exactly this environment and stage, else the
/// default where the environment allows it, else unset. There is no other fallback.
///
/// A slot that was never written or is cleared is `None`.
#[must_use]
pub fn effective<V>(fallback: Fallback, default: Option<V>, over: Option<V>) -> Effective<V> {
    match (over, default, fallback) {
        (Some(value), _, _) => Effective::Value(Origin::Override, value),
        (None, Some(value), Fallback::Allow) => Effective::Value(Origin::Default, value),
        (None, Some(_), Fallback::Deny) => Effective::Unset(UnsetReason::FallbackDenied),
        (None, None, _) => Effective::Unset(UnsetReason::NoValue),
    }
}

/// One value of a view.
#[derive(Debug)]
pub struct Resolved {
    /// The secret's current name.
    pub name: SecretName,
    /// Its value.
    pub value: SecretValue,
    /// The slot it came from.
    pub origin: Origin,
    /// The number of the value version in that slot.
    pub version: u64,
}

/// One secret that has no value in a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unset {
    /// The secret's current name.
    pub name: SecretName,
    /// Why.
    pub reason: UnsetReason,
}

/// Every secret of a project as one environment and stage sees it, by name.
#[derive(Debug, Default)]
pub struct View {
    /// Those with a value, in the order of their names.
    pub secrets: Vec<Resolved>,
    /// Those without, in the order of their names.
    pub unset: Vec<Unset>,
    /// Names that secrets had, in their order, and the present name of each.
    pub aliases: Vec<(SecretName, SecretName)>,
}

/// Bytes that a protobuf varint takes.
const fn varint(value: u64) -> u64 {
    let bits = 64 - (value | 1).leading_zeros() as u64;
    bits.div_ceil(7)
}

/// Bytes that a field of one-byte tag and delimited content takes.
const fn delimited(content: u64) -> u64 {
    1 + varint(content) + content
}

/// Bytes that one resolved secret takes in an encoded view.
///
/// The checksum is counted at its longest: it is not stored, since a plain checksum would tell
/// something about the value. So a view is never larger than this says, and at most one byte a
/// secret smaller for almost every value.
#[must_use]
pub fn encoded_value(name: &SecretName, length: u64, version: u64) -> u64 {
    const CRC32C: u64 = 1 + 5;
    const ORIGIN: u64 = 2;
    let payload = delimited(length) + CRC32C;
    let entry =
        delimited(name.as_str().len() as u64) + delimited(payload) + ORIGIN + 1 + varint(version);
    delimited(entry)
}

/// Bytes that one unset secret takes in an encoded view.
#[must_use]
pub fn encoded_unset(name: &SecretName) -> u64 {
    delimited(delimited(name.as_str().len() as u64) + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_wins_over_a_default_and_nothing_else_falls_back() {
        use Effective::{Unset, Value};
        use Fallback::{Allow, Deny};
        for fallback in [Allow, Deny] {
            assert_eq!(effective(fallback, Some(1), Some(2)), Value(Origin::Override, 2));
            assert_eq!(effective(fallback, None, Some(2)), Value(Origin::Override, 2));
            assert_eq!(effective::<u8>(fallback, None, None), Unset(UnsetReason::NoValue));
        }
        assert_eq!(effective(Allow, Some(1), None), Value(Origin::Default, 1));
        assert_eq!(effective(Deny, Some(1), None), Unset(UnsetReason::FallbackDenied));
    }

    #[test]
    fn varints_grow_at_every_seventh_bit() {
        for (value, length) in
            [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (u64::MAX, 10)]
        {
            assert_eq!(varint(value), length, "{value}");
        }
    }
}
