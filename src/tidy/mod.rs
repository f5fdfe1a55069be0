//! The repository's own rules as tests.
//!
//! [`layers`] has the table of what may import what, [`circles`] finds modules that import each other, [`libraries`]
//! says which crate is named where, [`links`], [`decisions`] and [`sizes_and_names`] the rest. They read the code by [`paths`] (one file, with a
//! real parser) and [`modules`] (which file a path leads to).
mod modules;
mod paths;
mod sources;

mod circles;
mod decisions;
mod layers;
mod libraries;
mod links;
mod sizes_and_names;
