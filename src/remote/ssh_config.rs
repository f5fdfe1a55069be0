//! The ssh_config of one connection.
