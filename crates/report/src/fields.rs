//! Figures as fields of JSON records, by the names that `docs/schema/verdict-1.json` gives them.

use serde_json::{Map, Value as Json, json};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;

use crate::{Column, Row, Value};

/// The fields of these columns. What is not known is null.
pub(crate) fn fields(row: &Row, columns: &[Column]) -> Map<String, Json> {
    let mut fields = Map::new();
    for column in columns {
        add(&mut fields, row, *column);
    }
    fields
}

fn add(fields: &mut Map<String, Json>, row: &Row, column: Column) {
    let known = |text: &str| match text {
        "" => Json::Null,
        text => text.into(),
    };
    let value = match column {
        _ if row.lacks.has(column) => Json::Null,
        Column::File => {
            if !row.path.is_empty() {
                fields.insert("path".to_owned(), row.path.as_str().into());
            }
            row.file.as_str().into()
        }
        Column::Errno => {
            if let Some(name) = Errno(row.errno).name() {
                fields.insert("errno_name".to_owned(), name.into());
            }
            row.errno.into()
        }
        Column::Rule => Rule::find(&row.rule).map_or(Json::Null, named),
        Column::Kernel => known(&row.kernel),
        Column::Reason => known(&row.reason),
        // Only a running kernel knows them.
        Column::PeakMemory if row.peak_memory < 0 => Json::Null,
        Column::JitedSize if row.jited_size == 0 => Json::Null,
        _ => match column.value(row) {
            Value::Text(text) => text.into(),
            Value::Number(number) => number.into(),
        },
    };
    fields.insert(column.field().to_owned(), value);
}

/// A rule's code and name.
pub(crate) fn named(rule: Rule) -> Json {
    json!({ "code": rule.code(), "name": rule.name() })
}

/// The names of the fields, in the order of the columns.
pub(crate) fn names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.field().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_numbers_and_what_is_unknown_is_null() {
        let row = Row {
            path: "x/a.bpf.o".into(),
            file: "a.bpf.o".into(),
            errno: 13,
            rule: "V0201".into(),
            peak_memory: -1,
            ..Row::default()
        };
        let columns = [
            Column::File,
            Column::Errno,
            Column::Rule,
            Column::Reason,
            Column::PeakMemory,
            Column::Insns,
        ];
        let expected = json!({
            "path": "x/a.bpf.o", "object": "a.bpf.o", "errno": 13, "errno_name": "EACCES", "insns": 0,
            "rule": { "code": "V0201", "name": "packet-bounds" }, "reason": null, "peak_memory": null,
        });
        assert_eq!(Json::Object(fields(&row, &columns)), expected);
    }
}
