//! The contents of data maps as `bpftool map dump -j` prints them.

use serde_json::Value;

use super::{GlobalError, refuse};

/// The contents of one data map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dump {
    /// Its section, where the kernel knew the types.
    pub(super) section: Option<String>,
    pub(super) bytes: Vec<u8>,
}

const EXPECTED: &str = "expected what 'bpftool map dump -j' prints";

/// Reads the dump of one or several maps.
pub(super) fn parse(json: &str) -> Result<Vec<Dump>, GlobalError> {
    let value: Value = match serde_json::from_str(json) {
        Ok(value) => value,
        Err(e) => refuse!("{e}: {EXPECTED}"),
    };
    let mut dumps = Vec::new();
    let Value::Array(maps) = &value else {
        refuse!("no array: {EXPECTED}");
    };
    for entry in maps {
        match entry {
            // Of several maps, each has an array of its own.
            Value::Array(entries) => {
                for entry in entries {
                    dumps.push(one(entry)?);
                }
            }
            entry => dumps.push(one(entry)?),
        }
    }
    if dumps.is_empty() {
        refuse!("no element: {EXPECTED} of a data map");
    }
    Ok(dumps)
}

/// One element of a map: that of a data map has key 0.
fn one(entry: &Value) -> Result<Dump, GlobalError> {
    let Some(value) = entry.get("value").and_then(Value::as_array) else {
        refuse!("an element without the bytes of its value: {EXPECTED}");
    };
    let key = entry.get("key").and_then(Value::as_array);
    if key.is_some_and(|key| key.iter().any(|byte| number(byte) != Some(0))) {
        refuse!("an element with a key other than 0: expected the map of .rodata, .data or .bss");
    }
    let bytes: Option<Vec<u8>> = value.iter().map(number).collect();
    let Some(bytes) = bytes else {
        refuse!("a value that is not of bytes such as \"0x2a\": {EXPECTED}");
    };
    let typed = entry.get("formatted").and_then(|f| f.get("value"));
    let section = typed
        .and_then(Value::as_object)
        .and_then(|typed| typed.keys().next());
    Ok(Dump {
        section: section.cloned(),
        bytes,
    })
}

/// A byte: `"0x2a"`.
fn number(byte: &Value) -> Option<u8> {
    let text = byte.as_str()?;
    u8::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_map() {
        let json = r#"[{"key":["0x00","0x00","0x00","0x00"],"value":["0x08","0xff"],
            "formatted":{"key":0,"value":{".rodata":[{"limit":8}]}}}]"#;
        let dumps = parse(json).unwrap();
        let expected = Dump {
            section: Some(".rodata".into()),
            bytes: vec![8, 255],
        };
        assert_eq!(dumps, [expected]);
        let twice = parse(&format!("[{json},{json}]")).unwrap();
        assert_eq!(twice.len(), 2);
    }

    #[test]
    fn anything_else_is_refused() {
        for json in [
            "",
            "{}",
            "[]",
            r#"[{"value":{".rodata":[]}}]"#,
            r#"[{"key":["0x01"],"value":["0x01"]}]"#,
            r#"[{"key":["0x00"],"value":[8]}]"#,
            r#"[{"key":["0x00"],"value":["0x100"]}]"#,
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }
}
