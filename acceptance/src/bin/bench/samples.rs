//! What was measured more than once, and its least, middle and greatest value.
use anyhow::{Result, ensure};

/// Measured values, at least one, in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Fails without values and with values that are no numbers.
    pub(crate) fn new(mut values: Vec<f64>) -> Result<Self> {
        ensure!(!values.is_empty(), "nothing was measured");
        ensure!(
            values.iter().all(|value| value.is_finite()),
            "not a number among {values:?}"
        );
        values.sort_by(f64::total_cmp);
        Ok(Self(values))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn min(&self) -> f64 {
        self.at(0)
    }

    /// The value in the middle, or the mean of the two that are.
    pub(crate) fn median(&self) -> f64 {
        f64::midpoint(self.at((self.0.len() - 1) / 2), self.at(self.0.len() / 2))
    }

    pub(crate) fn max(&self) -> f64 {
        self.at(self.0.len() - 1)
    }

    fn at(&self, index: usize) -> f64 {
        self.0.get(index).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_middle() {
        let odd = Samples::new(vec![3.0, 1.0, 10.0]).unwrap();
        assert_eq!(
            [odd.min(), odd.median(), odd.max()].map(f64::to_bits),
            [1.0, 3.0, 10.0].map(f64::to_bits)
        );
        let even = Samples::new(vec![4.0, 1.0, 2.0, 9.0]).unwrap();
        assert_eq!(even.median().to_bits(), 3.0_f64.to_bits());
        assert_eq!(even.count(), 4);
    }

    #[test]
    fn refuses_nothing_and_no_numbers() {
        assert!(Samples::new(Vec::new()).is_err());
        assert!(Samples::new(vec![1.0, f64::NAN]).is_err());
    }
}
