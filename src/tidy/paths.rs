//! What one file declares and which paths it names, read by `syn`.
use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, ImplItemFn, Item, ItemMod, ItemUse, Macro, Path, Signature, UseTree, Visibility,
    visit::{self, Visit},
};

/// A module as written: a file, or `mod name { … }` inside of one.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) children: Vec<Child>,
    /// Names that `use` brings into the module, with what they stand for.
    pub(super) names: BTreeMap<String, Vec<String>>,
    /// What `use path::*` brings in.
    pub(super) globs: Vec<Vec<String>>,
    /// Names of the module's own items.
    pub(super) items: Vec<String>,
    pub(super) mentions: Vec<Mention>,
    pub(super) has_async: bool,
}

#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: String,
    pub(super) for_tests: bool,
    /// None: it has a file of its own.
    pub(super) inline: Option<Written>,
}

/// A path somewhere in the code, as written: `["super", "step", "Run"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
    pub(super) for_tests: bool,
    /// `pub use`: the name is handed on.
    pub(super) handed_on: bool,
}

pub(super) fn read(text: &str) -> syn::Result<Written> {
    let file = syn::parse_file(text)?;
    Ok(written(&file.items, false))
}

fn written(items: &[Item], for_tests: bool) -> Written {
    let mut reader = Reader {
        written: Written::default(),
        for_tests,
    };
    for item in items {
        match item {
            Item::Use(item) => reader.name(item),
            item => reader.written.items.extend(name_of(item)),
        }
        reader.visit_item(item);
    }
    reader.written
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|word| word == "test")
    })
}

struct Reader {
    written: Written,
    for_tests: bool,
}

impl Reader {
    fn mention(&mut self, line: usize, path: Vec<String>, handed_on: bool) {
        self.written.mentions.push(Mention {
            line,
            path,
            for_tests: self.for_tests,
            handed_on,
        });
    }

    fn for_tests(&mut self, attributes: &[Attribute], inner: impl FnOnce(&mut Self)) {
        let before = self.for_tests;
        self.for_tests |= is_for_tests(attributes);
        inner(self);
        self.for_tests = before;
    }

    /// A `use` of the module itself, not of a function in it, gives names to others too.
    fn name(&mut self, item: &ItemUse) {
        for leaf in leaves(&item.tree) {
            match leaf.name {
                Some(name) => {
                    self.written.names.insert(name, leaf.path);
                }
                None => self.written.globs.push(leaf.path),
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        self.for_tests(attributes(item), |reader| visit::visit_item(reader, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.for_tests(&item.attrs, |reader| visit::visit_impl_item_fn(reader, item));
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.written.children.push(Child {
            name: item.ident.to_string(),
            for_tests: self.for_tests,
            inline: item
                .content
                .as_ref()
                .map(|(_, items)| written(items, self.for_tests)),
        });
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let handed_on = !matches!(item.vis, Visibility::Inherited);
        for leaf in leaves(&item.tree) {
            self.mention(leaf.line, leaf.path, handed_on);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let words: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        if let [first, _, ..] = path.segments.iter().collect::<Vec<_>>().as_slice() {
            self.mention(first.ident.span().start().line, words, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        self.written.has_async |= signature.asyncness.is_some();
        visit::visit_signature(self, signature);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        visit::visit_macro(self, item);
        for (line, path) in paths_in(item.tokens.clone()) {
            self.mention(line, path, false);
        }
    }
}

/// One name that a `use` brings in; without a name it is a `*`.
struct Leaf {
    line: usize,
    path: Vec<String>,
    name: Option<String>,
}

fn leaves(tree: &UseTree) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect_leaves(tree, &mut Vec::new(), &mut found);
    found
}

fn collect_leaves(tree: &UseTree, before: &mut Vec<(usize, String)>, found: &mut Vec<Leaf>) {
    let mut leaf = |ident: Option<&syn::Ident>, name: Option<String>| {
        let own = ident
            .filter(|ident| *ident != "self" || before.is_empty())
            .map(ToString::to_string);
        let last = before.last().map_or(1, |(line, _)| *line);
        found.push(Leaf {
            line: ident.map_or(last, |ident| ident.span().start().line),
            path: before.iter().map(|(_, word)| word.clone()).chain(own).collect(),
            name,
        });
    };
    match tree {
        UseTree::Path(path) => {
            before.push((path.ident.span().start().line, path.ident.to_string()));
            collect_leaves(&path.tree, before, found);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            let last = before.last().map(|(_, word)| word.clone());
            leaf(Some(&name.ident), last);
        }
        UseTree::Name(name) => leaf(Some(&name.ident), Some(name.ident.to_string())),
        UseTree::Rename(rename) => leaf(Some(&rename.ident), Some(rename.rename.to_string())),
        UseTree::Glob(_) => leaf(None, None),
        UseTree::Group(group) => {
            for tree in &group.items {
                collect_leaves(tree, before, found);
            }
        }
    }
}

/// Paths in a macro's tokens, whose grammar is the macro's own.
fn paths_in(tokens: TokenStream) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let (mut line, mut colons, mut is_ours) = (1, 0, true);
    let end = |path: &mut Vec<String>, line: usize, found: &mut Vec<_>| {
        let path = std::mem::take(path);
        if path.len() > 1 {
            found.push((line, path));
        }
    };
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 || path.is_empty() {
                    end(&mut path, line, &mut found);
                    line = ident.span().start().line;
                }
                // `$crate` is the macro's crate, `::a` and `.a` begin nothing.
                if is_ours || !path.is_empty() {
                    path.push(ident.to_string());
                }
                (colons, is_ours) = (0, true);
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => {
                colons += 1;
                is_ours = colons < 2;
            }
            other => {
                end(&mut path, line, &mut found);
                colons = 0;
                is_ours = !matches!(&other, TokenTree::Punct(punct) if punct.as_char() == '$');
                if let TokenTree::Group(group) = other {
                    found.extend(paths_in(group.stream()));
                }
            }
        }
    }
    end(&mut path, line, &mut found);
    found
}

#[test]
fn every_form_of_a_path_is_read() {
    let read_paths = |text: &str| -> Vec<String> {
        let written = read(text).unwrap();
        let shown = |mention: &Mention| {
            let note = if mention.for_tests { " in tests" } else { "" };
            format!("{}: {}{note}", mention.line, mention.path.join("::"))
        };
        written.mentions.iter().map(shown).collect()
    };
    for (text, expected) in [
        ("use crate::a::B;", vec!["1: crate::a::B"]),
        (
            "use crate::{\n    a::{self, B as C},\n    d::*,\n};",
            vec!["2: crate::a", "2: crate::a::B", "3: crate::d"],
        ),
        ("fn f(a: &super::a::B) {}", vec!["1: super::a::B"]),
        ("fn f() { use super::a; }", vec!["1: super::a"]),
        (
            "fn f() {\n    crate::a::b::<super::c::D>()\n}",
            vec!["2: crate::a::b", "2: super::c::D"],
        ),
        (
            "fn f() { vec![(1, crate::a::B), x::y()]; }",
            vec!["1: crate::a::B", "1: x::y"],
        ),
        ("macro_rules! x { () => { $crate::a::B } }", vec![]),
        ("/// See [`crate::a::B`].\nstruct S;", vec![]),
        (
            "#[cfg(test)]\nfn f() { crate::a::b() }",
            vec!["2: crate::a::b in tests"],
        ),
        (
            "impl S { #[cfg(test)] fn f() { crate::a::b() } }",
            vec!["1: crate::a::b in tests"],
        ),
        ("#[cfg(unix)]\nuse a::b;", vec!["2: a::b"]),
    ] {
        assert_eq!(read_paths(text), expected, "{text}");
    }
    let written = read("#[cfg(test)]\nmod tests { use super::a; }\nmod b;").unwrap();
    let [tests, b] = written.children.as_slice() else {
        panic!("{written:?}")
    };
    assert!(tests.for_tests && !b.for_tests && b.inline.is_none());
    assert!(tests.inline.as_ref().unwrap().mentions[0].for_tests);
    assert!(read("async fn f() {}").unwrap().has_async);
    assert!(!read("// async fn f() {}").unwrap().has_async);
}
