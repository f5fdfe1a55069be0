//! The pages of the Terraform Registry, rendered from the schema and compared with the committed ones.
//!
//! `UPDATE_DOCS=1 cargo test provider::docs` rewrites them.
use std::{fmt::Write as _, fs, path::Path};

use super::Ha;
use crate::{
    remote::Pool,
    tf_provider::{Attribute, Block, NestedBlock, Nesting, Presence, Provider, Schema, Type},
};

/// The Registry's three groups, in its order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Required,
    Optional,
    ReadOnly,
}

impl Group {
    const ALL: [Self; 3] = [Self::Required, Self::Optional, Self::ReadOnly];

    fn title(self) -> &'static str {
        match self {
            Self::Required => "Required",
            Self::Optional => "Optional",
            Self::ReadOnly => "Read-Only",
        }
    }

    fn of(attribute: &Attribute) -> Self {
        match attribute.presence {
            Presence::Required => Self::Required,
            Presence::Optional | Presence::OptionalComputed => Self::Optional,
            Presence::Computed => Self::ReadOnly,
        }
    }

    fn of_block(block: &NestedBlock) -> Self {
        if block.min > 0 {
            Self::Required
        } else {
            Self::Optional
        }
    }
}

/// A part of a block, in the order of names.
enum Part<'a> {
    Attribute(&'a Attribute),
    Block(&'a NestedBlock),
}

fn parts(block: &Block, group: Group) -> Vec<(&'static str, Part<'_>)> {
    let attributes = block
        .attributes
        .iter()
        .filter(|attribute| Group::of(attribute) == group)
        .map(|attribute| (attribute.name, Part::Attribute(attribute)));
    let blocks = block
        .blocks
        .iter()
        .filter(|nested| Group::of_block(nested) == group)
        .map(|nested| (nested.name, Part::Block(nested)));
    let mut parts: Vec<_> = attributes.chain(blocks).collect();
    parts.sort_by_key(|(name, _)| *name);
    parts
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::String => "String".into(),
        Type::Number => "Number".into(),
        Type::Bool => "Boolean".into(),
        Type::List(element) => format!("List of {}", type_name(element)),
        Type::Set(element) => format!("Set of {}", type_name(element)),
        Type::Map(element) => format!("Map of {}", type_name(element)),
        Type::Object(_) => "Object".into(),
        Type::Tuple(_) => "Tuple".into(),
        Type::Dynamic => "Dynamic".into(),
    }
}

fn attribute_kind(attribute: &Attribute) -> String {
    let mut kind = type_name(&attribute.ty);
    if attribute.sensitive {
        kind += ", Sensitive";
    }
    if attribute.deprecated.is_some() {
        kind += ", Deprecated";
    }
    if attribute.write_only {
        kind += ", [Write-only](https://developer.hashicorp.com/terraform/language/resources/ephemeral#write-only-arguments)";
    }
    kind
}

fn block_kind(nested: &NestedBlock) -> String {
    let mut kind = match nested.nesting {
        Nesting::Single => format!("Block, {}", Group::of_block(nested).title()),
        Nesting::List => "Block List".to_owned(),
        Nesting::Set => "Block Set".to_owned(),
    };
    if nested.nesting != Nesting::Single && nested.min > 0 {
        let _ = write!(kind, ", Min: {}", nested.min);
    }
    if nested.max > 0 {
        let _ = write!(kind, ", Max: {}", nested.max);
    }
    kind
}

fn object_of(ty: &Type) -> Option<&[(&'static str, Type)]> {
    match ty {
        Type::Object(attributes) => Some(attributes),
        Type::List(element) | Type::Set(element) | Type::Map(element) => object_of(element),
        _ => None,
    }
}

/// The groups of a block, then what is nested in it, each below its own anchor.
fn render_block(text: &mut String, path: &[&str], block: &Block) {
    let mut nested = String::new();
    for group in Group::ALL {
        let parts = parts(block, group);
        if parts.is_empty() {
            continue;
        }
        let (mark, colon) = if path.is_empty() { ("### ", "") } else { ("", ":") };
        let _ = writeln!(text, "{mark}{}{colon}\n", group.title());
        for (name, part) in parts {
            let path = [path, &[name]].concat();
            match part {
                Part::Attribute(attribute) => {
                    let object = object_of(&attribute.ty);
                    let link = object.map_or(String::new(), |_| see_below("nestedatt", &path));
                    let kind = attribute_kind(attribute);
                    let _ = writeln!(text, "- `{name}` ({kind}) {}{link}", attribute.description);
                    if let Some(object) = object {
                        render_object(&mut nested, &path, group, object);
                    }
                }
                Part::Block(inner) => {
                    let link = see_below("nestedblock", &path);
                    let kind = block_kind(inner);
                    let _ = writeln!(text, "- `{name}` ({kind}) {}{link}", inner.block.description);
                    nested += &heading("nestedblock", &path);
                    render_block(&mut nested, &path, &inner.block);
                    nested.push('\n');
                }
            }
        }
        text.push('\n');
    }
    *text += &nested;
}

fn render_object(text: &mut String, path: &[&str], group: Group, attributes: &[(&'static str, Type)]) {
    *text += &heading("nestedatt", path);
    let _ = writeln!(text, "{}:\n", group.title());
    let mut attributes: Vec<_> = attributes.iter().collect();
    attributes.sort_by_key(|(name, _)| *name);
    for (name, ty) in attributes {
        let _ = writeln!(text, "- `{name}` ({})", type_name(ty));
    }
    *text += "\n\n";
}

fn see_below(kind: &str, path: &[&str]) -> String {
    format!(" (see [below for nested schema](#{kind}--{}))", path.join("--"))
}

fn heading(kind: &str, path: &[&str]) -> String {
    format!(
        "<a id=\"{kind}--{}\"></a>\n### Nested Schema for `{}`\n\n",
        path.join("--"),
        path.join(".")
    )
}

/// What a page is made of besides the schema.
struct Page<'a> {
    title: String,
    heading: String,
    /// Text for people behind the description, Markdown; may be empty.
    about: &'a str,
    example: String,
    schema: Schema,
    /// The text below "Import"; empty if there is none.
    import: String,
}

impl Page<'_> {
    fn render(&self) -> String {
        let description = self.schema.block.description.as_ref();
        let mut schema = String::new();
        render_block(&mut schema, &[], &self.schema.block);
        let about = match self.about.trim() {
            "" => String::new(),
            about => format!("{about}\n\n"),
        };
        format!(
            "---\npage_title: \"{}\"\nsubcategory: \"\"\ndescription: |-\n  {}\n---\n\n# {}\n\n{description}\n\n## Example Usage\n\n```terraform\n{}\n```\n\n\
             {about}<!-- rendered from the schema: UPDATE_DOCS=1 cargo test provider::docs -->\n## Schema\n\n{}\n{}",
            self.title,
            description.replace('`', ""),
            self.heading,
            self.example.trim_end(),
            schema.trim_end(),
            self.import,
        )
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn about_of(resource: &str) -> &'static str {
    match resource {
        "ha_loadbalancer" => include_str!("ha_loadbalancer/about.md"),
        "ha_master" => include_str!("ha_master/about.md"),
        "ha_worker" => include_str!("ha_worker/about.md"),
        other => panic!("{other} has no about.md"),
    }
}

/// How a resource is imported.
fn import_of(resource: &str) -> String {
    let example = |file| read(&format!("examples/resources/{resource}/{file}"));
    format!(
        "\n## Import\n\nThe ID is the host: `[user@]host[:port]`, user and port where they are not the provider's, an IPv6 address with a port in \
         brackets. See [Import a cluster](../guides/import.md).\n\n```terraform\n{}\n```\n\n```shell\n{}\n```\n",
        example("import.tf").trim_end(),
        example("import.sh").trim_end(),
    )
}

/// Every page that is rendered: its path and its text.
fn pages() -> Vec<(String, String)> {
    let provider = Ha::new(Pool::new());
    let index = Page {
        title: "ha Provider".into(),
        heading: "ha Provider".into(),
        about: include_str!("about.md"),
        example: read("examples/provider/provider.tf"),
        schema: provider.schema(),
        import: String::new(),
    };
    let mut pages = vec![("docs/index.md".to_owned(), index.render())];
    for resource in provider.resources() {
        let name = resource.type_name();
        let page = Page {
            title: format!("{name} Resource - ha"),
            heading: format!("{name} (Resource)"),
            about: about_of(name),
            example: read(&format!("examples/resources/{name}/resource.tf")),
            schema: resource.schema(),
            import: import_of(name),
        };
        let file = name.trim_start_matches("ha_");
        pages.push((format!("docs/resources/{file}.md"), page.render()));
    }
    pages
}

#[test]
fn pages_are_what_the_schema_says() {
    #[expect(
        clippy::disallowed_methods,
        reason = "asks the person who runs the tests, not the provider"
    )]
    let is_update = std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1");
    let mut stale = Vec::new();
    for (path, text) in pages() {
        let file = root().join(&path);
        if is_update {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &text).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != text {
            stale.push(path);
        }
    }
    assert!(
        stale.is_empty(),
        "not as the schema says: {}; UPDATE_DOCS=1 cargo test provider::docs rewrites them",
        stale.join(", ")
    );
}

#[test]
fn every_page_belongs_to_a_resource() {
    let rendered: Vec<String> = pages().into_iter().map(|(path, _)| path).collect();
    for entry in fs::read_dir(root().join("docs/resources")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("docs/resources/{name}");
        assert!(rendered.contains(&path), "{path} belongs to no resource");
    }
}

#[test]
fn renders_every_kind_of_attribute_and_block() {
    let inner = Block::new(
        "Inner.",
        vec![Attribute::required("size", Type::Number).describe("Size.")],
    );
    let page = Page {
        title: "x Resource - ha".into(),
        heading: "x (Resource)".into(),
        about: "\n## About\n\nText.\n",
        example: "resource \"x\" \"y\" {}\n".into(),
        schema: Schema::new(
            Block::new(
                "The `x`.",
                vec![
                    Attribute::computed("id", Type::String).describe("Id."),
                    Attribute::optional("key", Type::String)
                        .describe("Key.")
                        .sensitive()
                        .write_only(),
                    Attribute::optional_computed(
                        "join",
                        Type::Object(vec![("b", Type::list(Type::String)), ("a", Type::Bool)]),
                    )
                    .describe("Join."),
                    Attribute::required("names", Type::map(Type::String)).describe("Names."),
                ],
            )
            .nest(NestedBlock::single("one", inner.clone()).min(1))
            .nest(NestedBlock::single(
                "few",
                inner.clone().nest(NestedBlock::single("deep", inner.clone())),
            ))
            .nest(NestedBlock::list("many", inner).min(1).max(3)),
        ),
        import: String::new(),
    };
    insta::assert_snapshot!(page.render());
}
