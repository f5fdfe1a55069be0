//! SHA-256 sums: of texts that name folders of the cache, of files, and of what is being written.
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// Sixteen hexadecimal digits that stand for these texts.
pub fn fingerprint<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let mut sum = Sha256::new();
    for text in texts {
        sum.update(text.as_ref());
        sum.update([0]);
    }
    hex(&sum.finalize()).chars().take(16).collect()
}

/// The sum of some bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The sum of a file's contents.
pub fn of_file(file: &Path) -> Result<String> {
    let mut content = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut summing = Summing::new(io::sink());
    io::copy(&mut content, &mut summing)?;
    Ok(summing.finish()?.0)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A writer that knows the sum of what went through it.
#[derive(Debug)]
pub struct Summing<W> {
    sum: Sha256,
    inner: W,
}

impl<W: Write> Summing<W> {
    /// Passes everything on to `inner`.
    pub fn new(inner: W) -> Self {
        Self {
            sum: Sha256::new(),
            inner,
        }
    }

    /// The sum, and the writer, flushed.
    pub fn finish(mut self) -> io::Result<(String, W)> {
        self.inner.flush()?;
        Ok((hex(&self.sum.finalize()), self.inner))
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        self.sum.update(data.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_tell_lists_apart() {
        assert_ne!(fingerprint(["ab", "c"]), fingerprint(["a", "bc"]));
        assert_eq!(fingerprint(["a"]).len(), 16);
    }

    #[test]
    fn all_ways_lead_to_the_same_sum() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_file(&file).unwrap(), known);
        assert_eq!(of_bytes(b"abc"), known);
    }
}
