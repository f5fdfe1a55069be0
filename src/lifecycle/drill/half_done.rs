//! Drill to be.
