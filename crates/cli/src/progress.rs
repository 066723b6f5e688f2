//! How far a command is that does many things.

use indicatif::{ProgressBar, ProgressStyle};

/// What is done before anybody looks needs no bar.
const FEW: usize = 3;

/// A bar on standard error, if that is a terminal and there is more than a little to do.
pub(crate) fn bar(total: usize) -> ProgressBar {
    if total <= FEW {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("  {bar:32} {pos}/{len} {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
    ProgressBar::new(total as u64).with_style(style)
}
