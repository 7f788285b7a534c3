use std::fmt;

/// A table in Markdown, which reads well on a terminal too.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this heading.
    #[must_use]
    pub fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self { rows: vec![heading.map(str::to_owned).to_vec()] }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        assert_eq!(N, self.rows[0].len(), "a row has a cell for each column");
        self.rows.push(cells.to_vec());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if number == 0 {
                let numbers = widths[1..].iter().map(|width| format!("{}:|", "-".repeat(width + 1)));
                writeln!(f, "|{}|{}", "-".repeat(widths[0] + 2), numbers.collect::<String>())?;
            }
        }
        Ok(())
    }
}

/// A time for people: three digits and the unit that suits.
#[must_use]
pub fn seconds(time: f64) -> String {
    match time {
        ..1e-6 => format!("{} ns", three_digits(time * 1e9)),
        ..1e-3 => format!("{} µs", three_digits(time * 1e6)),
        ..1.0 => format!("{} ms", three_digits(time * 1e3)),
        _ => format!("{} s", three_digits(time)),
    }
}

/// A size for people.
#[must_use]
pub fn bytes(size: f64) -> String {
    match size {
        ..1024.0 => format!("{size:.0} B"),
        ..1_048_576.0 => format!("{:.1} KiB", size / 1024.0),
        _ => format!("{:.1} MiB", size / 1_048_576.0),
    }
}

fn three_digits(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["what", "time"]);
        table.row(["a rollout".to_owned(), seconds(41.26e-6)]);
        table.row(["ü".to_owned(), seconds(0.35)]);
        let expected = "\
| what      |    time |
|-----------|--------:|
| a rollout | 41.3 µs |
| ü         |  350 ms |
";
        assert_eq!(table.to_string(), expected);
    }
}
