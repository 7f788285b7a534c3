use std::hint::black_box;
use std::time::Instant;

/// One figure, taken several times on a machine that does other things too.
#[derive(Debug, Clone)]
pub struct Samples(Vec<f64>);

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        assert!(!sorted.is_empty(), "nothing was measured");
        sorted.sort_by(f64::total_cmp);
        Self(sorted)
    }
}

impl Samples {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The middle one.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// The largest.
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.quantile(1.0)
    }

    /// Half the width of the middle half, as a share of the median: `±3 %`.
    #[must_use]
    pub fn spread(&self) -> String {
        let half_width = (self.quantile(0.75) - self.quantile(0.25)) / 2.0;
        format!("±{:.0} %", 100.0 * half_width / self.median())
    }

    fn quantile(&self, share: f64) -> f64 {
        let place = share * (self.0.len() - 1) as f64;
        let (below, above) = (self.0[place.floor() as usize], self.0[place.ceil() as usize]);
        below + (above - below) * place.fract()
    }
}

/// The mean time of one call among so many, in seconds. `call` is given the call's number.
pub fn mean_seconds<T>(calls: u64, mut call: impl FnMut(u64) -> T) -> f64 {
    let start = Instant::now();
    for number in 0..calls {
        black_box(call(number));
    }
    start.elapsed().as_secs_f64() / calls as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_taken_in_order_of_size() {
        let samples: Samples = [9.0, 1.0, 5.0, 3.0].into_iter().collect();
        assert_eq!((samples.median(), samples.mean(), samples.largest()), (4.0, 4.5, 9.0));
        // The quartiles are 2.5 and 6.
        assert_eq!(samples.spread(), "±44 %");
    }
}
