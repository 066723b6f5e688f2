//! Columns of one value version moved to, or exchanged with, those of another.

use super::check::Damage::{self, Catalogue, Overrides, Value};
use super::world::World;

/// A value version: project, secret, slot, version.
type Row = (&'static str, &'static str, &'static str, i64);

const WHOLE: &str = "uid, created, kind, wrapped_key_kind, wrapped_key_id, wrapped_key, sealed, \
                     sealed_digest";

/// Columns that go together, and whether the manifest knows any of them.
const COLUMNS: [(&str, bool); 8] = [
    ("sealed", false),
    ("wrapped_key", false),
    ("sealed, wrapped_key", false),
    ("sealed_digest", true),
    ("sealed, sealed_digest", true),
    ("sealed, sealed_digest, wrapped_key", true),
    ("uid", true),
    (WHOLE, true),
];

fn named((project, secret, slot, version): Row) -> String {
    format!("{{{project}/{secret}@{slot}#{version}}}")
}

fn damage((project, secret, slot, _): Row, manifest: bool) -> Damage {
    match slot {
        _ if !manifest => Value(project, secret, slot),
        "default" => Catalogue(project),
        slot => Overrides(project, slot),
    }
}

/// The second row gets what the first has; and then each what the other had.
async fn between(one: Row, other: Row) {
    let world = World::build().await;
    for (columns, manifest) in COLUMNS {
        let (from, to) = (named(one), named(other));
        let copy = |table: &str, from: &str| {
            format!("CREATE TEMP TABLE {table} AS SELECT {columns} FROM value WHERE {from};")
        };
        let put = |table: &str, to: &str| {
            format!("UPDATE value SET ({columns}) = (SELECT {columns} FROM {table}) WHERE {to};")
        };
        let moved = copy("one", &from) + &put("one", &to);
        let name = format!("{columns} of {from} moved to {to}");
        world.tampered(&name, &moved, &[damage(other, manifest)], false).await;

        let exchanged = copy("one", &from) + &copy("other", &to) + &put("other", &from);
        let exchanged = exchanged + &put("one", &to);
        let name = format!("{columns} of {from} and {to} exchanged");
        // An older version of the slot is in no manifest, and no view resolves it.
        let same_slot = (one.0, one.1, one.2) == (other.0, other.1, other.2);
        let hit = if same_slot { vec![other] } else { vec![one, other] };
        let hit: Vec<_> = hit.into_iter().map(|row| damage(row, manifest)).collect();
        world.tampered(&name, &exchanged, &hit, false).await;
    }
}

macro_rules! pairs {
    ($($(#[$doc:meta])* $name:ident: $one:expr, $other:expr;)*) => {
        $($(#[$doc])* #[tokio::test] async fn $name() { between($one, $other).await; })*
    };
}

pairs! {
    nothing_passes_between_two_secrets:
        ("demo", "ALPHA", "default", 2), ("demo", "BETA", "default", 2);
    nothing_passes_between_a_default_and_an_override:
        ("demo", "ALPHA", "default", 2), ("demo", "ALPHA", "main.draft", 2);
    nothing_passes_between_two_stages:
        ("demo", "ALPHA", "main.draft", 2), ("demo", "ALPHA", "main.live", 1);
    nothing_passes_between_two_environments:
        ("demo", "ALPHA", "main.draft", 2), ("demo", "ALPHA", "staging.draft", 1);
    nothing_passes_between_two_projects:
        ("demo", "ALPHA", "default", 2), ("other", "ALPHA", "default", 2);
    nothing_passes_from_a_restricted_to_a_masked_secret:
        ("demo", "TIGHT", "main.live", 1), ("demo", "ALPHA", "main.live", 1);
    nothing_passes_between_two_restricted_secrets:
        ("demo", "TIGHT", "main.draft", 2), ("demo", "TIGHT_TOO", "main.draft", 2);
    nothing_passes_from_an_older_version_to_the_current_one:
        ("demo", "ALPHA", "default", 1), ("demo", "ALPHA", "default", 2);
}
