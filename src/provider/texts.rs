//! Rules for what the schema's texts tell people.
use super::Ha;
use crate::{
    remote::Pool,
    tf_provider::{Attribute, Block, Presence, Provider, Type},
};

/// Every attribute and block of everything, with a path for people.
fn everything(visit: &mut dyn FnMut(&str, Option<&Attribute>, &str)) {
    fn walk(path: &str, block: &Block, visit: &mut dyn FnMut(&str, Option<&Attribute>, &str)) {
        visit(path, None, &block.description);
        for attribute in &block.attributes {
            visit(
                &format!("{path}.{}", attribute.name),
                Some(attribute),
                &attribute.description,
            );
        }
        for nested in &block.blocks {
            walk(&format!("{path}.{}", nested.name), &nested.block, visit);
        }
    }
    let provider = Ha::new(Pool::new());
    walk("provider", &provider.schema().block, visit);
    for resource in provider.resources() {
        walk(resource.type_name(), &resource.schema().block, visit);
    }
}

#[test]
fn everything_is_described_in_sentences() {
    let mut wrong = Vec::new();
    everything(&mut |path, _, text| {
        if !text.ends_with('.') || text.contains("  ") {
            wrong.push(format!("{path}: {text:?}"));
        }
    });
    assert!(
        wrong.is_empty(),
        "no sentence, or not one line:\n{}",
        wrong.join("\n")
    );
}

/// What may be left out says what happens then. Lists and maps are empty then; that needs no words.
#[test]
fn what_may_be_left_out_states_its_default() {
    let mut wrong = Vec::new();
    everything(&mut |path, attribute, text| {
        let Some(attribute) = attribute else { return };
        let is_optional = matches!(
            attribute.presence,
            Presence::Optional | Presence::OptionalComputed
        );
        let is_single = matches!(attribute.ty, Type::String | Type::Number | Type::Bool);
        let says = ["Default:", "(default)", "Not set:"]
            .iter()
            .any(|word| text.contains(word));
        let is_right = match &attribute.default {
            Some(_) => text.contains("Default: `"),
            None => says || !is_single,
        };
        if is_optional && !is_right {
            wrong.push(format!("{path}: {text}"));
        }
    });
    assert!(
        wrong.is_empty(),
        "neither `Default:` nor `Not set:` in\n{}",
        wrong.join("\n")
    );
}

#[test]
fn what_replaces_says_so() {
    let mut wrong = Vec::new();
    everything(&mut |path, attribute, text| {
        if attribute.is_some_and(|attribute| {
            attribute.requires_replace != text.to_lowercase().contains("changing it replaces the resource")
        }) {
            wrong.push(path.to_owned());
        }
    });
    assert!(wrong.is_empty(), "text and schema differ: {}", wrong.join(", "));
}
