//! Small tables for a terminal.

/// The rows as lines, indented, each column as wide as its widest cell.
pub(super) fn lines<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}  "));
        format!("     {}", cells.collect::<String>()).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [["NAME", "V"], ["LONGER_NAME", "12"], ["X", ""]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(
            lines(&rows),
            ["     NAME         V", "     LONGER_NAME  12", "     X"].map(str::to_owned)
        );
    }
}
