//! How a script travels to a shell and its output back.
