//! Where in a configuration or state a value stands.
use std::{borrow::Cow, fmt};

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// An attribute or block of an object.
    Attribute(String),
    /// An entry of a map.
    Key(String),
    /// An element of a list, from 0.
    Index(usize),
}

/// Steps from the outermost block to a value; printed as Terraform does: `ssh[0].labels["zone"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(Vec<Step>);

impl Path {
    /// The outermost block itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// An attribute or block of the outermost block.
    pub fn attribute(name: impl Into<String>) -> Self {
        Self::root().child(name)
    }

    /// An attribute or block of what the path leads to.
    #[must_use]
    pub fn child(self, name: impl Into<String>) -> Self {
        self.then(Step::Attribute(name.into()))
    }

    /// An entry of the map the path leads to.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        self.then(Step::Key(key.into()))
    }

    /// An element, from 0, of the list the path leads to.
    #[must_use]
    pub fn index(self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// One step more.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }

    /// The same path with other keys of maps.
    pub(super) fn map_keys(self, change: fn(&str) -> Cow<'_, str>) -> Self {
        let steps = self.0.into_iter().map(|step| match step {
            Step::Key(key) => Step::Key(change(&key).into_owned()),
            other => other,
        });
        Self(steps.collect())
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl From<&str> for Path {
    fn from(name: &str) -> Self {
        Self::attribute(name)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_terraform_does() {
        let path = Path::attribute("ssh").index(0).child("labels").key("zo\"ne");
        assert_eq!(path.to_string(), r#"ssh[0].labels["zo\"ne"]"#);
        assert_eq!(Path::root().to_string(), "");
    }
}
