use super::policy::Policy;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SEPARATE: &str = include_str!("../../../../deploy/kms/separate.json");
const ALL: &str = include_str!("../../../../deploy/kms/all.json");

const MANAGEMENT: &str = "arn:aws:iam::111122223333:role/waxseal-management";
const RUNTIME: &str = "arn:aws:iam::111122223333:role/waxseal-runtime";
const KEYS: &str = "arn:aws:iam::111122223333:role/waxseal-keys";
const SERVER: &str = "arn:aws:iam::111122223333:role/waxseal-server";
const ACCOUNT_ROOT: &str = "arn:aws:iam::111122223333:root";
const STRANGER: &str = "arn:aws:iam::111122223333:role/stranger";
const ROLES: [&str; 6] = [MANAGEMENT, RUNTIME, KEYS, SERVER, ACCOUNT_ROOT, STRANGER];

const USES: [&str; 6] = [
    "kms:GenerateDataKey",
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:DescribeKey",
];
const ADMINISTRATION: [&str; 16] = [
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
];
const SUBJECTS: [&str; 11] = [
    "masked",
    "restricted",
    "unmarked",
    "view",
    "integrity",
    "fingerprint",
    "service",
    "audit",
    "canary",
    "unheard-of",
    "none",
];

/// The entries of an encryption context that the policies decide by.
fn context(subject: &str) -> BTreeMap<String, String> {
    let entries: &[(&str, &str)] = match subject {
        "masked" | "restricted" => &[("waxseal:purpose", "value"), ("waxseal:visibility", subject)],
        "unmarked" => &[("waxseal:purpose", "value")],
        "unheard-of" => &[("waxseal:purpose", subject), ("waxseal:visibility", "masked")],
        "none" => &[],
        purpose => &[("waxseal:purpose", purpose)],
    };
    entries.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

type Cell = (&'static str, &'static str, &'static str);

/// All that a policy allows.
fn table(policy: &Policy) -> BTreeSet<Cell> {
    let mut cells = BTreeSet::new();
    for role in ROLES {
        for action in USES.into_iter().chain(ADMINISTRATION) {
            for subject in SUBJECTS {
                if policy.allows(role, action, &context(subject)) {
                    cells.insert((role, action, subject));
                }
            }
        }
    }
    cells
}

fn add(cells: &mut BTreeSet<Cell>, role: &'static str, action: &'static str, subjects: &str) {
    for subject in SUBJECTS {
        if subjects == "any" || subjects.split(' ').any(|one| one == subject) {
            cells.insert((role, action, subject));
        }
    }
}

fn administration(cells: &mut BTreeSet<Cell>) {
    for action in ADMINISTRATION.into_iter().chain(["kms:DescribeKey"]) {
        add(cells, ACCOUNT_ROOT, action, "any");
    }
}

const OURS: &str = "masked restricted unmarked integrity fingerprint service audit";

/// Who may do what, with a role for each kind of host.
fn separate() -> BTreeSet<Cell> {
    let mut cells = BTreeSet::new();
    administration(&mut cells);
    for role in [MANAGEMENT, RUNTIME, KEYS] {
        add(&mut cells, role, "kms:DescribeKey", "any");
    }
    let made = "masked restricted unmarked integrity fingerprint service audit canary";
    add(&mut cells, MANAGEMENT, "kms:GenerateDataKey", made);
    let opened = "masked integrity fingerprint service audit canary";
    add(&mut cells, MANAGEMENT, "kms:Decrypt", opened);
    add(&mut cells, RUNTIME, "kms:GenerateDataKey", "view canary");
    let opened = "masked restricted unmarked view integrity fingerprint service audit canary";
    add(&mut cells, RUNTIME, "kms:Decrypt", opened);
    add(&mut cells, KEYS, "kms:GenerateDataKey", "canary");
    add(&mut cells, KEYS, "kms:Decrypt", "service audit canary");
    add(&mut cells, KEYS, "kms:ReEncryptFrom", OURS);
    add(&mut cells, KEYS, "kms:ReEncryptTo", OURS);
    cells
}

fn all() -> BTreeSet<Cell> {
    let mut cells = BTreeSet::new();
    administration(&mut cells);
    add(&mut cells, SERVER, "kms:DescribeKey", "any");
    let known = "masked restricted unmarked view integrity fingerprint service audit canary";
    add(&mut cells, SERVER, "kms:GenerateDataKey", known);
    add(&mut cells, SERVER, "kms:Decrypt", known);
    for action in ["kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"] {
        add(&mut cells, SERVER, action, OURS);
    }
    cells
}

/// The same policy where somebody has also allowed the three roles everything: what is denied has
/// to stand against that.
fn widened(policy: &Value) -> Value {
    let mut policy = policy.clone();
    policy["Statement"].as_array_mut().unwrap().push(json!({
        "Effect": "Allow",
        "Principal": { "AWS": [MANAGEMENT, RUNTIME, KEYS] },
        "Action": "kms:*",
        "Resource": "*",
    }));
    policy
}

/// The same policy without what it denies: what is allowed has to be no more than is meant.
fn undenied(policy: &Value) -> Value {
    let mut policy = policy.clone();
    policy["Statement"].as_array_mut().unwrap().retain(|it| it["Effect"] == "Allow");
    policy
}

#[test]
fn the_shipped_policies_allow_this_and_nothing_else() {
    for (text, expected) in [(SEPARATE, separate()), (ALL, all())] {
        let policy: Value = serde_json::from_str(text).unwrap();
        assert_eq!(table(&Policy::from_json(&policy).unwrap()), expected);
        assert_eq!(table(&Policy::from_json(&undenied(&policy)).unwrap()), expected);
    }
}

#[test]
fn what_is_denied_stays_denied_whatever_else_allows_it() {
    let policy = serde_json::from_str(SEPARATE).unwrap();
    let allowed = table(&Policy::from_json(&widened(&policy)).unwrap());
    let denied = |role, action, subjects: &str| {
        for subject in subjects.split(' ') {
            assert!(!allowed.contains(&(role, action, subject)), "{role} {action} {subject}");
        }
    };
    denied(MANAGEMENT, "kms:Decrypt", "restricted view");
    denied(
        KEYS,
        "kms:Decrypt",
        "masked restricted unmarked view integrity fingerprint unheard-of none",
    );
    for role in [MANAGEMENT, RUNTIME] {
        for action in ["kms:ReEncryptFrom", "kms:ReEncryptTo"] {
            denied(role, action, &SUBJECTS.join(" "));
        }
    }
    assert!(allowed.contains(&(MANAGEMENT, "kms:Decrypt", "masked")));
}

/// Every policy that differs from this one in one place.
fn mutants(policy: &Value) -> Vec<(String, Value)> {
    let statements = policy["Statement"].as_array().unwrap();
    let mut mutants = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let sid = statement["Sid"].as_str().unwrap();
        let mut mutant = |how: &str, edit: &dyn Fn(&mut Value)| {
            let mut policy = policy.clone();
            edit(&mut policy["Statement"][index]);
            mutants.push((format!("{sid}: {how}"), policy));
        };
        let flipped = if statement["Effect"] == "Allow" { "Deny" } else { "Allow" };
        mutant("effect", &|it| it["Effect"] = json!(flipped));
        mutant("other principal", &|it| it["Principal"]["AWS"] = json!("arn:nobody"));
        mutant("other action", &|it| it["Action"] = json!("kms:Other"));
        for path in ["/Principal/AWS", "/Action"] {
            for at in 0..statement.pointer(path).unwrap().as_array().map_or(0, Vec::len) {
                mutant(&format!("{path} without {at}"), &|it| {
                    it.pointer_mut(path).unwrap().as_array_mut().unwrap().remove(at);
                });
            }
        }
        let Some(conditions) = statement.get("Condition") else { continue };
        mutant("no condition", &|it| {
            it.as_object_mut().unwrap().remove("Condition");
        });
        for (operator, entries) in conditions.as_object().unwrap() {
            let other = ["StringEquals", "StringNotEquals"]
                .into_iter()
                .find(|other| other != operator)
                .unwrap();
            mutant("other operator", &|it| it["Condition"] = json!({ other: entries }));
            for (name, contents) in entries.as_object().unwrap() {
                mutant(&format!("without {name}"), &|it| {
                    it["Condition"][operator].as_object_mut().unwrap().remove(name);
                });
                for at in 0..contents.as_array().map_or(0, Vec::len) {
                    mutant(&format!("{name} without {at}"), &|it| {
                        it["Condition"][operator][name].as_array_mut().unwrap().remove(at);
                    });
                }
            }
        }
    }
    for index in 0..statements.len() {
        let mut policy = policy.clone();
        let removed = policy["Statement"].as_array_mut().unwrap().remove(index);
        mutants.push((format!("without {}", removed["Sid"]), policy));
    }
    mutants
}

#[test]
fn no_part_of_the_shipped_policies_can_change_unnoticed() {
    for (text, expected) in [(SEPARATE, separate()), (ALL, all())] {
        let policy: Value = serde_json::from_str(text).unwrap();
        let seen = |policy: &Value| {
            [policy.clone(), widened(policy), undenied(policy)]
                .map(|policy| Policy::from_json(&policy).map(|policy| table(&policy)))
        };
        let before = seen(&policy);
        assert_eq!(before[0].as_ref(), Ok(&expected));
        let mutants = mutants(&policy);
        assert!(mutants.len() > 30, "{}", mutants.len());
        for (how, mutant) in mutants {
            assert!(seen(&mutant) != before, "{how}");
        }
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    let policy: Value = serde_json::from_str(SEPARATE).unwrap();
    let refused = |edit: &dyn Fn(&mut Value)| {
        let mut policy = policy.clone();
        edit(&mut policy);
        assert!(Policy::from_json(&policy).is_err(), "{policy}");
    };
    refused(&|it| it["Version"] = json!("2008-10-17"));
    refused(&|it| it["Statement"][2]["Condition"] = json!({ "StringLike": {} }));
    let address = json!({ "StringEquals": { "aws:SourceIp": "10.0.0.1" } });
    refused(&|it| it["Statement"][2]["Condition"] = address.clone());
    refused(&|it| it["Statement"][2]["NotAction"] = json!("kms:Decrypt"));
    refused(&|it| it["Statement"][2]["Principal"] = json!("*"));
    refused(&|it| it["Statement"][2]["Principal"]["AWS"] = json!("arn:aws:iam::1:role/*"));
    refused(&|it| it["Statement"][2]["Resource"] = json!("arn"));
    refused(&|it| it["Statement"][2]["Effect"] = json!("allow"));
    refused(&|it| it["Statement"][2]["Action"] = json!([]));
}
