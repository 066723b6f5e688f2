//! Small tables for people.

/// The rows as lines, each column as wide as its widest cell.
pub(crate) fn lines<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}  "));
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A heading and rows, one a line.
pub(crate) fn text<const N: usize>(heading: [&str; N], mut rows: Vec<[String; N]>) -> String {
    rows.insert(0, heading.map(str::to_owned));
    lines(&rows).iter().map(|line| format!("{line}\n")).collect()
}

/// Names and contents, one a line; those without content are left out.
pub(crate) fn fields<const N: usize>(fields: [(&str, String); N]) -> String {
    let rows = fields.map(|(name, content)| [name.to_owned(), content]);
    let rows: Vec<_> = rows.into_iter().filter(|[_, content]| !content.is_empty()).collect();
    lines(&rows).iter().map(|line| format!("{line}\n")).collect()
}

/// A text on one line that does nothing to a terminal.
pub(crate) fn plain(text: &str) -> String {
    let shown = |char: char| match char {
        char if char.is_control() => char.escape_default().to_string(),
        char => char.to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned<const N: usize>(row: [&str; N]) -> [String; N] {
        row.map(str::to_owned)
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["NAME", "V"], ["LONGER_NAME", "12"], ["X", ""]].map(owned);
        assert_eq!(lines(&rows), ["NAME         V", "LONGER_NAME  12", "X"].map(str::to_owned));
    }

    #[test]
    fn a_table_has_a_heading() {
        assert_eq!(text(["A", "B"], vec![owned(["xx", "y"])]), "A   B\nxx  y\n");
        assert_eq!(text(["A", "B"], vec![]), "A  B\n");
    }

    #[test]
    fn fields_without_content_are_left_out() {
        let fields = fields([("name", "x".to_owned()), ("description", String::new())]);
        assert_eq!(fields, "name  x\n");
    }

    #[test]
    fn a_cell_does_nothing_to_a_terminal() {
        assert_eq!(lines(&[owned(["a\x1b[2J\nb\tc\u{9b}"])]), ["a\\u{1b}[2J\\nb\\tc\\u{9b}"]);
    }
}
