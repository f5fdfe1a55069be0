//! What a configuration may hold: attributes, nested blocks, and what the framework does with each.
use std::borrow::Cow;

use super::{types::Type, value::Value};

/// Checks one known value; the error is a sentence for the user.
pub type Validator = fn(&Value) -> Result<(), String>;

/// Who sets an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The user must.
    Required,
    /// The user may; else null.
    Optional,
    /// The provider does.
    Computed,
    /// The user may; else the provider does.
    OptionalComputed,
}

/// An attribute of a block.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its name, `snake_case`.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Who sets it.
    pub presence: Presence,
    /// Markdown: meaning, unit, allowed values, default, whether a change replaces.
    pub description: Cow<'static, str>,
    /// Hidden in Terraform's output (not in its state).
    pub sensitive: bool,
    /// Never in plan or state; only in the configuration.
    pub write_only: bool,
    /// A change replaces the resource.
    pub requires_replace: bool,
    /// What it is when the configuration says nothing.
    pub default: Option<Value>,
    /// What to use instead, for an attribute on its way out.
    pub deprecated: Option<&'static str>,
    /// Checks on known, non-null values.
    pub validators: Vec<Validator>,
}

impl Attribute {
    fn new(name: &'static str, ty: Type, presence: Presence) -> Self {
        Self {
            name,
            ty,
            presence,
            description: Cow::Borrowed(""),
            sensitive: false,
            write_only: false,
            requires_replace: false,
            default: None,
            deprecated: None,
            validators: Vec::new(),
        }
    }

    /// An attribute the user must set.
    pub fn required(name: &'static str, ty: Type) -> Self {
        Self::new(name, ty, Presence::Required)
    }

    /// An attribute the user may set.
    pub fn optional(name: &'static str, ty: Type) -> Self {
        Self::new(name, ty, Presence::Optional)
    }

    /// An attribute the provider sets. Unknown in the plan of a create; kept in the plan of an update, unless
    /// the resource's `plan` sets it unknown.
    pub fn computed(name: &'static str, ty: Type) -> Self {
        Self::new(name, ty, Presence::Computed)
    }

    /// An attribute the provider sets if the user does not.
    pub fn optional_computed(name: &'static str, ty: Type) -> Self {
        Self::new(name, ty, Presence::OptionalComputed)
    }

    /// Its description, Markdown, ending in a full stop.
    #[must_use]
    pub fn describe(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.description = text.into();
        self
    }

    /// Hides it in Terraform's output.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Keeps it out of plan and state. Terraform 1.11 or later; the framework says so to users of older ones.
    #[must_use]
    pub fn write_only(mut self) -> Self {
        self.write_only = true;
        self
    }

    /// A change replaces the resource.
    #[must_use]
    pub fn requires_replace(mut self) -> Self {
        self.requires_replace = true;
        self
    }

    /// The value when the configuration has none; the attribute becomes optional and computed.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self.presence = Presence::OptionalComputed;
        self
    }

    /// Marks it as on its way out; `message` says what to use instead.
    #[must_use]
    pub fn deprecated(mut self, message: &'static str) -> Self {
        self.deprecated = Some(message);
        self
    }

    /// Adds a check of known, non-null values.
    #[must_use]
    pub fn validate(mut self, check: Validator) -> Self {
        self.validators.push(check);
        self
    }

    /// May the provider set it?
    pub fn is_computed(&self) -> bool {
        matches!(self.presence, Presence::Computed | Presence::OptionalComputed)
    }
}

/// How often a nested block stands, and how its value looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most once: an object or null.
    Single,
    /// In order: a list of objects.
    List,
    /// Without order: a set of objects.
    Set,
}

/// A block inside a block.
#[derive(Clone, Debug)]
pub struct NestedBlock {
    /// Its name, `snake_case`.
    pub name: &'static str,
    /// How often it stands.
    pub nesting: Nesting,
    /// At least so many (single: 1 makes it required).
    pub min: u32,
    /// At most so many; 0 = no limit.
    pub max: u32,
    /// Any change in it replaces the resource.
    pub requires_replace: bool,
    /// What is in it.
    pub block: Block,
}

impl NestedBlock {
    fn new(name: &'static str, nesting: Nesting, block: Block) -> Self {
        Self {
            name,
            nesting,
            min: 0,
            max: 0,
            requires_replace: false,
            block,
        }
    }

    /// A block that stands at most once; its value is an object or null.
    pub fn single(name: &'static str, block: Block) -> Self {
        Self::new(name, Nesting::Single, block)
    }

    /// A block that may be repeated, in order.
    pub fn list(name: &'static str, block: Block) -> Self {
        Self::new(name, Nesting::List, block)
    }

    /// A block that may be repeated, without order.
    pub fn set(name: &'static str, block: Block) -> Self {
        Self::new(name, Nesting::Set, block)
    }

    /// At least so many.
    #[must_use]
    pub fn min(mut self, min: u32) -> Self {
        self.min = min;
        self
    }

    /// At most so many.
    #[must_use]
    pub fn max(mut self, max: u32) -> Self {
        self.max = max;
        self
    }

    /// Any change in it replaces the resource.
    #[must_use]
    pub fn requires_replace(mut self) -> Self {
        self.requires_replace = true;
        self
    }
}

impl NestedBlock {
    /// The type of its value.
    pub fn value_type(&self) -> Type {
        let object = self.block.value_type();
        match self.nesting {
            Nesting::Single => object,
            Nesting::List => Type::list(object),
            Nesting::Set => Type::set(object),
        }
    }
}

/// Attributes and nested blocks.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Markdown.
    pub description: Cow<'static, str>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Blocks inside.
    pub blocks: Vec<NestedBlock>,
}

impl Block {
    /// A block without nested ones.
    pub fn new(description: impl Into<Cow<'static, str>>, attributes: Vec<Attribute>) -> Self {
        Self {
            description: description.into(),
            attributes,
            blocks: Vec::new(),
        }
    }

    /// Adds a nested block.
    #[must_use]
    pub fn nest(mut self, block: NestedBlock) -> Self {
        self.blocks.push(block);
        self
    }

    /// The object type of its values.
    pub fn value_type(&self) -> Type {
        let attributes = self
            .attributes
            .iter()
            .map(|attribute| (attribute.name, attribute.ty.clone()));
        let blocks = self
            .blocks
            .iter()
            .map(|nested| (nested.name, nested.value_type()));
        Type::Object(attributes.chain(blocks).collect())
    }
}

/// The schema of a resource, data source, ephemeral resource or of the provider.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Raised when the form of the state changes; then `Resource::upgrade` is called with older states.
    pub version: i64,
    /// The outermost block.
    pub block: Block,
}

impl Schema {
    /// Version 0 of a schema.
    pub fn new(block: Block) -> Self {
        Self { version: 0, block }
    }

    /// The object type of its values.
    pub fn value_type(&self) -> Type {
        self.block.value_type()
    }
}
