//! What known_hosts says about a host key.
