//! The pieces that canonical encodings are put together from.
//!
//! An encoding is injective when no two inputs share one: every variable part is preceded by its
//! length, every list by its count, and every choice by a byte that says which it is.

/// Bytes in the making.
pub(crate) struct Encoding(Vec<u8>);

impl Encoding {
    /// Begins with a tag, which keeps one kind of encoding from being taken for another.
    pub(crate) fn new(tag: &str) -> Self {
        Self(Vec::new()).text(tag)
    }

    /// One byte: a choice, a flag or a small number.
    pub(crate) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    /// Eight bytes: a number, a length or a count.
    pub(crate) fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// How many follow.
    pub(crate) fn count(self, count: usize) -> Self {
        self.number(count as u64)
    }

    /// Bytes whose length the format fixes.
    pub(crate) fn fixed<const N: usize>(mut self, bytes: &[u8; N]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A text of any length.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self = self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// The same for each of many.
    pub(crate) fn each<T>(
        self,
        items: impl IntoIterator<Item = T>,
        encode: impl Fn(Self, T) -> Self,
    ) -> Self {
        items.into_iter().fold(self, encode)
    }

    /// The bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}
