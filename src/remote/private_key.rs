//! Private keys: a file for ssh to read, and what is wrong with one that ssh refused.
