//! Configurations in which one value, at any depth, is something else: made from the schemas, so that a new argument is
//! among them.
use crate::tf_provider::{Attribute, Block, Nesting, Path, Presence, Schema, Type, Value};

/// A configuration with one odd value.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Where the odd value is.
    pub(super) at: Path,
    pub(super) config: Value,
    /// What stands there.
    pub(super) presence: Presence,
    /// Whether it is an argument itself, and not an element or a field of one.
    pub(super) is_whole: bool,
    pub(super) is_sensitive: bool,
}

/// Texts of which one fits any argument: each is taken where the argument's validators let it through.
const TEXTS: [&str; 17] = [
    "10.0.0.11",
    "m1",
    "10.0.0.100:8443",
    "1.37.2",
    "10.244.0.0/16",
    "30s",
    "/etc/kubernetes/x",
    "key=value:NoSchedule",
    "registry.example.net/image:1",
    "unix:///run/containerd/containerd.sock",
    "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "plan",
    "accept-new",
    "clean_cluster",
    "DirectoryOrCreate",
    "cgroupDriver: systemd",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL26IWL1ONiq1mQiIxhfDSjjZJ+/FKQSnS2HCFsnij4i",
];

/// Texts and keys of arguments that rules outside of the schema judge.
const OWN_TEXTS: [(&str, &str); 2] = [
    ("skip_phases", "preflight"),
    ("feature_gates", "RootlessControlPlane"),
];

/// A good value for an argument.
pub(super) fn sample(attribute: &Attribute) -> Value {
    let numbers = [9000, 100, 1].map(Value::from);
    let own = OWN_TEXTS.iter().find(|(name, _)| *name == attribute.name);
    let own = own.map(|(_, text)| *text);
    let texts: Vec<Value> = own.into_iter().chain(TEXTS).map(Value::from).collect();
    let all = texts.iter().chain(&numbers);
    let mut fitting = all.filter_map(|leaf| of_type(&attribute.ty, own.unwrap_or("m1"), leaf));
    fitting
        .find(|value| attribute.validators.iter().all(|check| check(value).is_ok()))
        .unwrap_or_else(|| panic!("no text of TEXTS is a good value of {}", attribute.name))
}

/// A value of the type with this leaf wherever it fits; a map has it under this key.
fn of_type(ty: &Type, key: &str, leaf: &Value) -> Option<Value> {
    match (ty, leaf) {
        (Type::String, Value::String(_)) | (Type::Number, Value::Number(_)) => Some(leaf.clone()),
        (Type::Bool, _) => Some(true.into()),
        (Type::List(element) | Type::Set(element), _) => {
            Some(Value::List(vec![of_type(element, key, leaf)?]))
        }
        (Type::Map(element), _) => Some(Value::object([(key, of_type(element, key, leaf)?)])),
        (Type::Object(attributes), _) => attributes
            .iter()
            .map(|(name, ty)| Some(((*name).to_owned(), of_type(ty, key, leaf)?)))
            .collect::<Option<_>>()
            .map(Value::Map),
        _ => None,
    }
}

/// A block with what is required in it, over what `base` has.
pub(super) fn with_required(block: &Block, base: &Value) -> Value {
    let mut value = base.clone();
    if value.is_null() {
        value = Value::object::<&str>([]);
    }
    for attribute in &block.attributes {
        if attribute.presence == Presence::Required && value.get(attribute.name).is_null() {
            value.set(attribute.name, sample(attribute));
        }
    }
    for nested in block.blocks.iter().filter(|nested| nested.min > 0) {
        let inner = with_required(&nested.block, value.get(nested.name));
        value.set(nested.name, inner);
    }
    value
}

/// Every configuration with `odd` in it once, over what `base` has.
pub(super) fn cases(schema: &Schema, base: &Value, odd: &Value) -> Vec<Case> {
    of_block(
        &schema.block,
        &with_required(&schema.block, base),
        odd,
        &Path::root(),
    )
}

fn of_block(block: &Block, base: &Value, odd: &Value, at: &Path) -> Vec<Case> {
    let mut all = Vec::new();
    for attribute in &block.attributes {
        let good = match base.get(attribute.name) {
            Value::Null => sample(attribute),
            given => given.clone(),
        };
        let at = at.clone().child(attribute.name);
        for (value, at) in with_odd(&attribute.ty, &good, odd, &at) {
            let mut config = base.clone();
            config.set(attribute.name, value.clone());
            all.push(Case {
                is_whole: value == *odd,
                at,
                config,
                presence: attribute.presence,
                is_sensitive: attribute.sensitive,
            });
        }
    }
    for nested in &block.blocks {
        let at = at.clone().child(nested.name);
        let inner = with_required(&nested.block, base.get(nested.name));
        let mut put = |case: Case, value: Value| {
            let mut config = base.clone();
            config.set(nested.name, value);
            all.push(Case { config, ..case });
        };
        if odd.is_unknown() {
            let every = nested.block.attributes.iter().map(|it| (it.name, odd.clone()));
            let whole = Case {
                at: at.clone(),
                config: Value::Null,
                presence: Presence::Optional,
                is_whole: true,
                is_sensitive: false,
            };
            // A `dynamic` block, and one of which nothing is known.
            put(whole.clone(), odd.clone());
            if nested.nesting == Nesting::Single {
                put(whole, Value::object(every));
            }
        }
        match nested.nesting {
            Nesting::Single => {
                for case in of_block(&nested.block, &inner, odd, &at) {
                    let value = case.config.clone();
                    put(case, value);
                }
            }
            Nesting::List | Nesting::Set => {
                // A name stands once in a list.
                let mut first = inner.clone();
                if first.get("name").as_str().is_some() {
                    first.set("name", "first");
                }
                for case in of_block(&nested.block, &inner, odd, &at.clone().index(1)) {
                    let value = Value::List(vec![first.clone(), case.config.clone()]);
                    put(case, value);
                }
            }
        }
    }
    all
}

/// The odd value itself, and a good one with the odd value at each place inside of it.
fn with_odd(ty: &Type, good: &Value, odd: &Value, at: &Path) -> Vec<(Value, Path)> {
    let mut all = Vec::new();
    if !matches!(odd, Value::String(_)) || *ty == Type::String {
        all.push((odd.clone(), at.clone()));
    }
    match (ty, good) {
        (Type::List(element) | Type::Set(element), Value::List(items)) => {
            let more = items.first().cloned().unwrap_or_default();
            // In place of the first, and one more.
            for index in std::collections::BTreeSet::from([0, items.len()]) {
                for (value, at) in with_odd(element, &more, odd, &at.clone().index(index)) {
                    let mut items = items.clone();
                    items.splice(index..items.len().min(index + 1), [value]);
                    all.push((Value::List(items), at));
                }
            }
        }
        (Type::Map(element), Value::Map(items)) => {
            let more = items.values().next().cloned().unwrap_or_default();
            // Another key too, where the keys are the user's own.
            let more_keys = items.contains_key("m1").then_some("odd");
            for key in items.keys().take(1).map(String::as_str).chain(more_keys) {
                for (value, at) in with_odd(element, &more, odd, &at.clone().key(key)) {
                    let mut map = good.clone();
                    map.set(key, value);
                    all.push((map, at));
                }
            }
            if let Value::String(key) = odd {
                let mut map = good.clone();
                map.set(key, more);
                all.push((map, at.clone()));
            }
        }
        (Type::Object(attributes), _) => {
            for (name, ty) in attributes {
                for (value, at) in with_odd(ty, good.get(name), odd, &at.clone().child(*name)) {
                    let mut object = good.clone();
                    object.set(name, value);
                    all.push((object, at));
                }
            }
        }
        _ => {}
    }
    all
}
