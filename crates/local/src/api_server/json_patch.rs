//! JSON patches (RFC 6902).

use serde_json::Value;

use super::refusal::Refusal;
use super::value::text;

/// Applies the operations of a patch, one after another.
pub(super) fn apply(target: &mut Value, patch: &Value) -> Result<(), Refusal> {
    let operations = patch.as_array();
    let operations = operations.ok_or_else(|| Refusal::bad_request("a JSON patch is a list of operations"))?;
    operations.iter().try_for_each(|operation| {
        one(target, operation).ok_or_else(|| {
            Refusal::bad_request(format!(
                "the JSON patch operation {:?} at {:?} cannot be applied",
                text(operation, "/op"),
                text(operation, "/path")
            ))
        })
    })
}

fn one(target: &mut Value, operation: &Value) -> Option<()> {
    let path = operation["path"].as_str()?;
    match text(operation, "/op") {
        "add" => add(target, path, operation.get("value")?.clone()),
        "remove" => remove(target, path).map(|_| ()),
        "replace" => {
            *target.pointer_mut(path)? = operation.get("value")?.clone();
            Some(())
        }
        "move" => {
            let moved = remove(target, operation["from"].as_str()?)?;
            add(target, path, moved)
        }
        "copy" => {
            let copied = target.pointer(operation["from"].as_str()?)?.clone();
            add(target, path, copied)
        }
        "test" => (target.pointer(path).unwrap_or(&Value::Null) == operation.get("value")?).then_some(()),
        _ => None,
    }
}

/// The parent of a path, and the last part.
fn place<'a>(target: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, key) = path.rsplit_once('/')?;
    Some((target.pointer_mut(parent)?, key.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *target = value;
        return Some(());
    }
    let (parent, key) = place(target, path)?;
    match parent {
        Value::Object(fields) => {
            fields.insert(key, value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let index = key.parse().ok().filter(|index| *index <= items.len())?;
            items.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, key) = place(target, path)?;
    match parent {
        Value::Object(fields) => fields.remove(&key),
        Value::Array(items) => {
            let index = key.parse().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_change_objects_and_lists() {
        let mut target = json!({"a": {"b/c": 1}, "l": [1, 3]});
        let patch = json!([
            {"op": "test", "path": "/a/b~1c", "value": 1},
            {"op": "replace", "path": "/a/b~1c", "value": 2},
            {"op": "add", "path": "/l/1", "value": 2},
            {"op": "add", "path": "/l/-", "value": 4},
            {"op": "remove", "path": "/l/0"},
            {"op": "copy", "from": "/l", "path": "/m"},
            {"op": "move", "from": "/a", "path": "/n"},
        ]);
        apply(&mut target, &patch).expect("it applies");
        assert_eq!(target, json!({"l": [2, 3, 4], "m": [2, 3, 4], "n": {"b/c": 2}}));
        let failed = json!([{"op": "test", "path": "/n", "value": 1}]);
        assert_eq!(apply(&mut target, &failed).expect_err("it differs").code, 400);
    }
}
