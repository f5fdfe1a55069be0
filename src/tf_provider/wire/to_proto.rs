//! The framework's words as messages of the protocol.
use super::tfplugin5 as pb;
use crate::tf_provider::{
    Attribute, Block, Diagnostic, Function, NestedBlock, Nesting, Parameter, Path, Presence, Schema,
    Severity, Step, Type,
};

pub(super) fn diagnostics(all: Vec<Diagnostic>) -> Vec<pb::Diagnostic> {
    all.into_iter().map(diagnostic).collect()
}

fn diagnostic(diagnostic: Diagnostic) -> pb::Diagnostic {
    use pb::diagnostic::Severity as Wire;
    let severity = match diagnostic.severity {
        Severity::Error => Wire::Error,
        Severity::Warning => Wire::Warning,
    };
    pb::Diagnostic {
        severity: severity.into(),
        summary: diagnostic.summary,
        detail: diagnostic.detail,
        attribute: diagnostic
            .path
            .as_ref()
            .filter(|path| !path.steps().is_empty())
            .map(path),
    }
}

pub(super) fn path(path: &Path) -> pb::AttributePath {
    use pb::attribute_path::{Step as Wire, step::Selector};
    let selector = |step: &Step| match step {
        Step::Attribute(name) => Selector::AttributeName(name.clone()),
        Step::Key(key) => Selector::ElementKeyString(key.clone()),
        Step::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX)),
    };
    pb::AttributePath {
        steps: path
            .steps()
            .iter()
            .map(|step| Wire {
                selector: Some(selector(step)),
            })
            .collect(),
    }
}

pub(super) fn schema(schema: &Schema) -> pb::Schema {
    pb::Schema {
        version: schema.version,
        block: Some(block(&schema.block, attribute)),
    }
}

/// The schema of the `provider` block. Nothing is planned there, so an attribute with a default is just optional.
pub(super) fn provider_schema(schema: &Schema) -> pb::Schema {
    let plain = |source: &Attribute| pb::schema::Attribute {
        computed: false,
        ..attribute(source)
    };
    pb::Schema {
        version: schema.version,
        block: Some(block(&schema.block, plain)),
    }
}

fn block(source: &Block, attribute: fn(&Attribute) -> pb::schema::Attribute) -> pb::schema::Block {
    let nested = |nested: &NestedBlock| {
        use pb::schema::nested_block::NestingMode;
        let nesting = match nested.nesting {
            Nesting::Single => NestingMode::Single,
            Nesting::List => NestingMode::List,
            Nesting::Set => NestingMode::Set,
        };
        pb::schema::NestedBlock {
            type_name: nested.name.to_owned(),
            block: Some(block(&nested.block, attribute)),
            nesting: nesting.into(),
            min_items: nested.min.into(),
            max_items: if nested.nesting == Nesting::Single {
                nested.min.into()
            } else {
                nested.max.into()
            },
        }
    };
    pb::schema::Block {
        attributes: source.attributes.iter().map(attribute).collect(),
        block_types: source.blocks.iter().map(nested).collect(),
        description: source.description.to_string(),
        description_kind: pb::StringKind::Markdown.into(),
        ..Default::default()
    }
}

fn attribute(source: &Attribute) -> pb::schema::Attribute {
    pb::schema::Attribute {
        name: source.name.to_owned(),
        r#type: wire_type(&source.ty),
        description: source.description.to_string(),
        description_kind: pb::StringKind::Markdown.into(),
        required: source.presence == Presence::Required,
        optional: matches!(source.presence, Presence::Optional | Presence::OptionalComputed),
        computed: source.is_computed(),
        sensitive: source.sensitive,
        write_only: source.write_only,
        deprecated: source.deprecated.is_some(),
        deprecation_message: source.deprecated.unwrap_or_default().to_owned(),
    }
}

pub(super) fn function(function: &dyn Function) -> pb::Function {
    pb::Function {
        parameters: function.parameters().iter().map(parameter).collect(),
        variadic_parameter: function.variadic_parameter().as_ref().map(parameter),
        r#return: Some(pb::function::Return {
            r#type: wire_type(&function.return_type()),
        }),
        summary: function.summary().to_owned(),
        description: function.description().to_owned(),
        description_kind: pb::StringKind::Markdown.into(),
        deprecation_message: String::new(),
    }
}

fn parameter(source: &Parameter) -> pb::function::Parameter {
    pb::function::Parameter {
        name: source.name.to_owned(),
        r#type: wire_type(&source.ty),
        description: source.description.to_owned(),
        description_kind: pb::StringKind::Markdown.into(),
        ..Default::default()
    }
}

fn wire_type(ty: &Type) -> Vec<u8> {
    ty.to_json().to_string().into_bytes()
}
