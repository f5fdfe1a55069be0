//! Randomness of the operating system.
use crate::lifecycle::failure::Failure;

/// So many random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Failure::new("No randomness from the operating system", error.to_string()))?;
    }
    Ok(bytes)
}
