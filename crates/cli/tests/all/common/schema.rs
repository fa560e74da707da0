//! `docs/schema/verdict-1.json`, as the tests hold output to it.

use std::fs;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::root;

/// A JSON file of the checkout.
pub(crate) fn read(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

/// The schema of verdict's own JSON; fields that it does not name are errors here, though not to others.
fn closed_schema() -> Value {
    fn close(schema: &mut Value) {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.values_mut().for_each(close);
            if schema.get("additionalProperties").is_none() {
                schema["additionalProperties"] = json!(false);
            }
        }
        for several in ["anyOf", "oneOf"] {
            if let Some(all) = schema.get_mut(several).and_then(Value::as_array_mut) {
                all.iter_mut().for_each(close);
            }
        }
        if let Some(items) = schema.get_mut("items") {
            close(items);
        }
    }
    let mut schema = read("docs/schema/verdict-1.json");
    schema["$defs"]
        .as_object_mut()
        .unwrap()
        .values_mut()
        .for_each(close);
    schema
}

/// A validator of one of its definitions.
pub(crate) fn validator(of: &str) -> Validator {
    let mut schema = closed_schema();
    schema.as_object_mut().unwrap().remove("anyOf");
    schema["$ref"] = json!(format!("#/$defs/{of}"));
    jsonschema::validator_for(&schema).unwrap()
}

pub(crate) fn assert_valid(validator: &Validator, value: &Value, what: &str) {
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\n{value:#}");
}
