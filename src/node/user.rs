//! The user that logs in over SSH, as passwd has it.

/// The user that logs in over SSH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Home directory.
    pub home: String,
}

/// Reads a line of passwd.
pub(super) fn parse_user(text: &str) -> Option<User> {
    let mut fields = text.lines().next()?.split(':');
    Some(User {
        name: fields.next()?.to_owned(),
        uid: fields.nth(1)?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
        home: fields.nth(1)?.to_owned(),
    })
}
