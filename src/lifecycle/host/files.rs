//! What lies on a host where files are wanted.
use super::answers::answers_of;
use crate::{
    lifecycle::failure::Failure,
    node::{
        Query,
        files::{File, read_section},
    },
    remote::Host,
};

/// What lies on a host where a file is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    /// Nothing.
    Missing,
    /// Another text.
    Different,
    /// The wanted text.
    Same,
}

/// Compares files with what lies on the host, in one round trip; in the order of `files`.
pub(crate) async fn compare_files(host: &Host, files: &[File]) -> Result<Vec<FileState>, Failure> {
    let query = files.iter().fold(Query::new(), |query, file| {
        read_section(query, &file.path, &file.path)
    });
    let stdout = host.look_ok(&query.script("read files")).await?;
    let answers = answers_of(host, &stdout, &[])?;
    let state = |file: &File| match answers.text(&file.path) {
        None => FileState::Missing,
        Some(text) if text == file.content => FileState::Same,
        Some(_) => FileState::Different,
    };
    Ok(files.iter().map(state).collect())
}

/// The first file that is not there as it is wanted.
pub(crate) async fn differing_file(host: &Host, files: &[File]) -> Result<Option<String>, Failure> {
    if files.is_empty() {
        return Ok(None);
    }
    let states = compare_files(host, files).await?;
    let mut pairs = files.iter().zip(states);
    Ok(pairs
        .find(|(_, state)| *state != FileState::Same)
        .map(|(file, _)| file.path.clone()))
}
