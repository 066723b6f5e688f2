//! Field masks: which fields an update changes.

use prost_types::FieldMask;
use waxseal_engine::Error;

/// Most paths in a mask.
const PATHS: usize = 100;

/// What a mask can name.
pub(crate) struct Fields {
    /// Those that can be changed.
    pub(crate) mutable: &'static [&'static str],
    /// Those that cannot, and are passed over.
    pub(crate) fixed: &'static [&'static str],
}

/// The fields that an update changes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named(Vec<&'static str>);

impl Named {
    /// The content of a field, where the update changes it.
    pub(crate) fn then<T>(&self, field: &str, content: impl FnOnce() -> T) -> Option<T> {
        self.0.contains(&field).then(content)
    }
}

impl Fields {
    /// Reads a mask. Absent or empty means the mutable fields that are populated, `*` means all of
    /// them. Paths are matched exactly; one level is all there is.
    pub(crate) fn named(
        &self,
        mask: Option<&FieldMask>,
        populated: impl Fn(&str) -> bool,
    ) -> Result<Named, Error> {
        let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
        if paths.len() > PATHS {
            return Err(Error::InvalidFieldMask { rule: "must hold at most 100 paths" });
        }
        match paths {
            [] => Ok(self.select(populated)),
            [all] if all == "*" => Ok(self.select(|_| true)),
            paths => {
                let known = |path: &str| self.mutable.contains(&path) || self.fixed.contains(&path);
                if paths.iter().all(|path| known(path)) {
                    Ok(self.select(|field| paths.iter().any(|path| path == field)))
                } else {
                    let rule = "must name fields of the resource as they are written, or * alone";
                    Err(Error::InvalidFieldMask { rule })
                }
            }
        }
    }

    fn select(&self, chosen: impl Fn(&str) -> bool) -> Named {
        Named(self.mutable.iter().copied().filter(|field| chosen(field)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: Fields = Fields { mutable: &["a", "b", "c"], fixed: &["uid", "etag"] };

    fn named(paths: &[&str]) -> Result<Vec<&'static str>, ()> {
        let mask = FieldMask { paths: paths.iter().map(ToString::to_string).collect() };
        FIELDS.named(Some(&mask), |field| field == "b").map(|named| named.0).map_err(|error| {
            assert!(matches!(error, Error::InvalidFieldMask { .. }), "{error:?}");
        })
    }

    #[test]
    fn an_empty_mask_means_what_is_populated() {
        assert_eq!(named(&[]), Ok(vec!["b"]));
        assert_eq!(FIELDS.named(None, |_| false).unwrap(), Named(vec![]));
    }

    #[test]
    fn named_fields_are_taken_once_and_output_only_ones_passed_over() {
        assert_eq!(named(&["c", "a", "c"]), Ok(vec!["a", "c"]));
        assert_eq!(named(&["uid", "a"]), Ok(vec!["a"]));
        assert_eq!(named(&["uid", "etag"]), Ok(vec![]));
        assert_eq!(named(&["*"]), Ok(vec!["a", "b", "c"]));
        assert_eq!(named(&["a"; 100]), Ok(vec!["a"]));
    }

    #[test]
    fn everything_else_is_refused() {
        let long = "a".repeat(10_000);
        for path in ["", "d", "value", "A", "a.b", "a.0", "a[0]", "`a`", " a", "a,b", "**", &long] {
            assert_eq!(named(&[path]), Err(()), "{path:?}");
        }
        assert_eq!(named(&["a", "d"]), Err(()));
        assert_eq!(named(&["*", "a"]), Err(()));
        assert_eq!(named(&["a"; 101]), Err(()));
    }
}
