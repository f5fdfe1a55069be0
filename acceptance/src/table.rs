//! Tables for people to read: columns under each other, without lines between them.
use std::ops::Range;

use comfy_table::{CellAlignment, Table, presets};

/// The table as text. The columns of numbers stand to the right.
pub fn render<const N: usize>(head: [&str; N], rows: &[[String; N]], numbers: Range<usize>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head).add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numbers.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}
