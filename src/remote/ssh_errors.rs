//! From what ssh says to a transport error.
