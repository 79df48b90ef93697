//! The daemon's answer: is it one, is it a yes, and what stands in it. A field that is missing or
//! of another type is "not told" and never an error, so that vipctl and vipd may differ in age.

use crate::failure::Failure;
use crate::text::printable;
use serde_json::Value;

/// The version of the line protocol that vipctl speaks.
const PROTOCOL: u64 = 1;

/// A line of this protocol's version.
fn parse(line: &[u8]) -> Result<Value, Failure> {
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| Failure::Refused(format!("the answer is not understood: {error}")))?;
    let view = View(&value);
    if let Some(version) = view.number("version").filter(|version| *version != PROTOCOL as f64) {
        return Err(Failure::Refused(format!(
            "vipd speaks version {version} of the control protocol, vipctl {PROTOCOL}: \
             use the vipctl that came with this vipd"
        )));
    }
    Ok(value)
}

/// One of the lines that `monitor` is answered with.
pub(crate) fn event(line: &[u8]) -> Result<Value, Failure> {
    let value = parse(line)?;
    if View(&value).raw("event").is_some() { Ok(value) } else { yes(value) }
}

/// Checks that the line is an answer, and a yes.
pub(crate) fn read(line: &[u8]) -> Result<Value, Failure> {
    yes(parse(line)?)
}

fn yes(value: Value) -> Result<Value, Failure> {
    let view = View(&value);
    if view.flag("ok") == Some(true) {
        return Ok(value);
    }
    let said = view.raw("error").or(view.raw("text")).unwrap_or("vipd said no and gave no reason");
    Err(match view.raw("code") {
        Some("permission") => {
            Failure::Forbidden(format!("{said} (be root, or the user who started vipd, to act)"))
        }
        Some("unknown_instance") => {
            Failure::Refused(format!("{said} (\"vipctl show\" lists the instances)"))
        }
        _ => Failure::Refused(said.to_owned()),
    })
}

pub(crate) fn instances(answer: &Value) -> Vec<View<'_>> {
    View(answer).list("instances")
}

pub(crate) fn instance<'a>(answer: &'a Value, name: &str) -> Result<View<'a>, Failure> {
    let all = instances(answer);
    let named = all.iter().find(|view| view.raw("name") == Some(name)).copied();
    named.ok_or_else(|| Failure::Refused(format!("vipd told nothing about instance {name}")))
}

/// A JSON object, read field by field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a>(&'a Value);

impl<'a> View<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        Self(value)
    }

    /// A text as it came: must not be printed.
    pub(crate) fn raw(self, key: &str) -> Option<&'a str> {
        self.0.get(key)?.as_str()
    }

    /// A text or a number, fit for a terminal.
    pub(crate) fn text(self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            Value::String(text) => Some(printable(text)),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub(crate) fn number(self, key: &str) -> Option<f64> {
        self.0.get(key)?.as_f64()
    }

    pub(crate) fn flag(self, key: &str) -> Option<bool> {
        self.0.get(key)?.as_bool()
    }

    pub(crate) fn object(self, key: &str) -> Option<Self> {
        self.0.get(key).filter(|value| value.is_object()).map(Self)
    }

    pub(crate) fn list(self, key: &str) -> Vec<Self> {
        self.0
            .get(key)
            .and_then(Value::as_array)
            .map(|list| list.iter().map(Self).collect())
            .unwrap_or_default()
    }

    /// The texts of a list, fit for a terminal.
    pub(crate) fn texts(self, key: &str) -> Vec<String> {
        self.list(key).iter().filter_map(|view| view.0.as_str()).map(printable).collect()
    }

    /// Each field with its name, fit for a terminal.
    pub(crate) fn pairs(self) -> Vec<String> {
        let Value::Object(fields) = self.0 else { return Vec::new() };
        let pair = |(name, value): (&String, &Value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            printable(&format!("{name} {value}"))
        };
        fields.iter().map(pair).collect()
    }

    /// Names, fit for a terminal, with their whole numbers.
    pub(crate) fn counters(self, key: &str) -> Vec<(String, u64)> {
        let Some(Value::Object(fields)) = self.0.get(key) else { return Vec::new() };
        let counter = |(name, value): (&String, &Value)| Some((printable(name), value.as_u64()?));
        fields.iter().filter_map(counter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_keeps_its_reason_and_its_exit_code() {
        let no = |line: &str| read(line.as_bytes()).unwrap_err();
        let refused = no(r#"{"version":1,"ok":false,"error":"not you","code":"permission"}"#);
        assert_eq!(refused.exit_code(), 4);
        assert!(refused.text().starts_with("not you (be root"), "{refused:?}");
        assert_eq!(no(r#"{"ok":false,"error":"x","code":"new"}"#), Failure::Refused("x".into()));
        assert_eq!(no(r#"{"ok":false,"text":"line 3"}"#), Failure::Refused("line 3".into()));
        for broken in ["", "{", "[]", "7", "{}", r#"{"version":2,"ok":true}"#, r#"{"ok":"yes"}"#] {
            assert_eq!(no(broken).exit_code(), 1, "{broken}");
        }
    }

    #[test]
    fn fields_of_the_wrong_type_are_not_told() {
        let value = read(br#"{"ok":true,"instances":7,"name":[],"counters":{"a":-1,"b":2}}"#);
        let value = value.unwrap();
        assert!(instances(&value).is_empty());
        assert_eq!(View(&value).text("name"), None);
        assert_eq!(View(&value).counters("counters"), [("b".to_owned(), 2)]);
        assert!(instance(&value, "VI_1").is_err());
    }
}
