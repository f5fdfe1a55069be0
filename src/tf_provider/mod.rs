//! tf_provider
