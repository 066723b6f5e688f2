//! Key policies, evaluated as AWS does: denied by default, allowed by a statement, and denied by
//! any statement that says so.
//!
//! Knows what the shipped policies use, and refuses to read anything else: what is not understood
//! must not be taken for granted.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A key policy.
#[derive(Clone, Debug)]
pub struct Policy(Vec<Statement>);

#[derive(Clone, Debug)]
struct Statement {
    allow: bool,
    principals: Vec<String>,
    actions: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
struct Condition {
    /// An entry of the encryption context.
    entry: String,
    /// Whether one of the contents must match, or none may.
    equal: bool,
    contents: Vec<String>,
}

const CONTEXT: &str = "kms:EncryptionContext:";

impl Policy {
    /// Reads the JSON of a policy.
    ///
    /// # Errors
    /// What it is that this does not know.
    pub fn parse(json: &str) -> Result<Self, String> {
        let policy: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Self::from_json(&policy)
    }

    /// As [`Self::parse`].
    ///
    /// # Errors
    /// What it is that this does not know.
    pub fn from_json(policy: &Value) -> Result<Self, String> {
        let policy = object(policy, &["Version", "Statement"])?;
        if policy.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
            return Err("Version".to_owned());
        }
        let statements = policy.get("Statement").and_then(Value::as_array).ok_or("Statement")?;
        statements.iter().map(Statement::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the role of this ARN may do this, such as `kms:Decrypt`, in this context.
    #[must_use]
    pub fn allows(&self, role: &str, action: &str, context: &BTreeMap<String, String>) -> bool {
        let mut allowed = false;
        for statement in self.0.iter().filter(|it| it.applies(role, action, context)) {
            if !statement.allow {
                return false;
            }
            allowed = true;
        }
        allowed
    }
}

impl Statement {
    fn parse(statement: &Value) -> Result<Self, String> {
        let known = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
        let statement = object(statement, &known)?;
        let allow = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("Effect".to_owned()),
        };
        let principal = object(statement.get("Principal").ok_or("Principal")?, &["AWS"])?;
        let principals = texts(principal.get("AWS").ok_or("Principal")?)?;
        let actions = texts(statement.get("Action").ok_or("Action")?)?;
        // In a key policy that is the key itself.
        if statement.get("Resource").and_then(Value::as_str) != Some("*") {
            return Err("Resource".to_owned());
        }
        if principals.iter().chain(&actions).any(|text| text.contains('?'))
            || principals.iter().any(|text| text.contains('*'))
        {
            return Err("a pattern".to_owned());
        }
        let mut conditions = Vec::new();
        if let Some(operators) = statement.get("Condition") {
            let operators = object(operators, &["StringEquals", "StringNotEquals"])?;
            for (operator, entries) in operators {
                for (name, contents) in entries.as_object().ok_or("Condition")? {
                    let entry = name.strip_prefix(CONTEXT).ok_or_else(|| name.clone())?.to_owned();
                    let equal = operator == "StringEquals";
                    conditions.push(Condition { entry, equal, contents: texts(contents)? });
                }
            }
        }
        Ok(Self { allow, principals, actions, conditions })
    }

    fn applies(&self, role: &str, action: &str, context: &BTreeMap<String, String>) -> bool {
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => action.starts_with(beginning),
            None => action == pattern,
        };
        self.principals.iter().any(|principal| principal == role)
            && self.actions.iter().any(matches)
            && self.conditions.iter().all(|condition| condition.holds(context))
    }
}

impl Condition {
    /// Where the entry is absent, nothing equals it: so `StringEquals` does not hold and
    /// `StringNotEquals` does.
    fn holds(&self, context: &BTreeMap<String, String>) -> bool {
        let one_of = context.get(&self.entry).is_some_and(|it| self.contents.contains(it));
        one_of == self.equal
    }
}

fn object<'a>(value: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>, String> {
    let object = value.as_object().ok_or("not an object")?;
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(unknown.clone()),
        None => Ok(object),
    }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(texts) if !texts.is_empty() => texts
            .iter()
            .map(|text| text.as_str().map(str::to_owned).ok_or_else(|| "not a text".to_owned()))
            .collect(),
        _ => Err("not a text".to_owned()),
    }
}
