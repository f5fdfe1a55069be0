//! Finds a script's own output in all that a login prints.

/// The standard output of a command as it arrives.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    nonce: &'a str,
    bytes: Vec<u8>,
    /// How far it was searched.
    scanned: usize,
    /// Where the answer begins.
    begin: Option<usize>,
    /// Where it ends, and the exit status.
    end: Option<(usize, i32)>,
}

impl<'a> Answer<'a> {
    /// Nothing of it yet; the marks around it are made of the nonce.
    pub(super) fn new(nonce: &'a str) -> Self {
        Self {
            nonce,
            bytes: Vec::new(),
            scanned: 0,
            begin: None,
            end: None,
        }
    }

    /// Takes what has arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.look();
    }

    fn look(&mut self) {
        if self.begin.is_none() {
            let mark = format!("{}\n", self.nonce);
            self.begin = self.find_from(self.scanned, &mark).map(|at| at + mark.len());
            match self.begin {
                Some(begin) => self.scanned = begin,
                None => self.scanned = (self.bytes.len() + 1).saturating_sub(mark.len()),
            }
        }
        if self.begin.is_some() && self.end.is_none() {
            let mark = format!("\n{} ", self.nonce);
            let Some(end) = self.find_from(self.scanned, &mark) else {
                let behind = (self.bytes.len() + 1).saturating_sub(mark.len());
                self.scanned = self.scanned.max(behind);
                return;
            };
            self.scanned = end;
            self.end = self.status_at(end + mark.len()).map(|status| (end, status));
        }
    }

    fn find_from(&self, from: usize, mark: &str) -> Option<usize> {
        Some(from + find(self.bytes.get(from..)?, mark.as_bytes())?)
    }

    fn status_at(&self, at: usize) -> Option<i32> {
        let rest = self.bytes.get(at..)?;
        let line = rest
            .split_at_checked(rest.iter().position(|byte| *byte == b'\n')?)?
            .0;
        std::str::from_utf8(line).ok()?.parse().ok()
    }

    /// Whether our shell has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.begin.is_some()
    }

    /// The script's own standard output and its exit status, once all of it has arrived.
    pub(super) fn whole(&self) -> Option<(&[u8], i32)> {
        let (end, status) = self.end?;
        Some((self.bytes.get(self.begin?..end)?, status))
    }

    /// Everything that came.
    pub(super) fn raw(&self) -> &[u8] {
        &self.bytes
    }
}

pub(super) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_answer_is_found_in_any_noise(
            before in prop::collection::vec(any::<u8>(), 0..80),
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            after in prop::collection::vec(any::<u8>(), 0..80),
            status in 0..256,
            piece in 1..50_usize,
        ) {
            let nonce = b"ha-0123456789abcdef";
            let mut stdout = [&before, &nonce[..], b"\n", &bytes, b"\n", nonce].concat();
            stdout.extend(format!(" {status}").as_bytes());
            let mut answer = Answer::new("ha-0123456789abcdef");
            for piece in stdout.chunks(piece) {
                answer.push(piece);
                prop_assert_eq!(answer.whole(), None);
            }
            prop_assert!(answer.has_begun());
            for piece in [&b"\n"[..], &after].concat().chunks(piece) {
                answer.push(piece);
                prop_assert_eq!(answer.whole(), Some((bytes.as_slice(), status)));
            }
        }
    }
}
