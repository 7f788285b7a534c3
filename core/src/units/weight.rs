use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::InvalidValue;

/// Share of the alias's traffic that goes to the canary version, exact to 0.01 per cent.
///
/// People write it as per cent, AWS and our events as a fraction between 0 and 1.
///
/// ```
/// use lambda_rollout::units::Weight;
///
/// let weight = Weight::from_percent(12.5)?;
/// assert_eq!(weight.to_string(), "12.5 %");
/// assert_eq!(weight.fraction(), 0.125);
/// assert!(Weight::from_percent(0.001).is_err());
/// # Ok::<(), lambda_rollout::units::InvalidValue>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Weight(u16);

impl Weight {
    /// No traffic.
    pub const ZERO: Self = Self(0);
    /// All traffic.
    pub const FULL: Self = Self(10_000);

    /// A weight from per cent, 0 to 100 with at most two decimals.
    ///
    /// # Errors
    /// When the number is outside 0 to 100, or finer than 0.01.
    pub fn from_percent(percent: f64) -> Result<Self, InvalidValue> {
        let right = "a per cent from 0 to 100 with at most two decimals, such as 10 or 0.5";
        if !percent.is_finite() || !(0.0..=100.0).contains(&percent) {
            return Err(InvalidValue::new(format!("`{percent}` is not between 0 and 100"), right));
        }
        let points = percent * 100.0;
        // Floats carry 0.07 * 100 as 7.000000000000001; anything a person can write lies far closer than this.
        if (points - points.round()).abs() > 1e-6 {
            return Err(InvalidValue::new(format!("`{percent}` is finer than 0.01"), right));
        }
        Ok(Self(points.round() as u16))
    }

    /// A weight from hundredths of a per cent, 0 to 10,000.
    ///
    /// # Errors
    /// When there are more than 10,000 of them.
    pub fn from_basis_points(points: u16) -> Result<Self, InvalidValue> {
        if points > Self::FULL.0 {
            return Err(InvalidValue::new(
                format!("`{points}` hundredths of a per cent are more than all"),
                "a number from 0 to 10000",
            ));
        }
        Ok(Self(points))
    }

    /// The nearest weight to a fraction read from AWS, which may be any double.
    ///
    /// A fraction above zero never becomes zero: a sliver of traffic is still traffic.
    #[must_use]
    pub fn nearest_to_fraction(fraction: f64) -> Self {
        if fraction.is_nan() || fraction <= 0.0 {
            return Self::ZERO;
        }
        let points = (fraction.min(1.0) * 10_000.0).round() as u16;
        Self(points.max(1))
    }

    /// Hundredths of a per cent, 0 to 10,000.
    #[must_use]
    pub fn basis_points(self) -> u16 {
        self.0
    }

    /// Per cent, 0 to 100.
    #[must_use]
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Fraction, 0 to 1: what AWS takes.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    /// What is left for the other version.
    #[must_use]
    pub fn rest(self) -> Self {
        Self(Self::FULL.0 - self.0)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} %", self.percent()))
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.fraction())
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fraction = f64::deserialize(deserializer)?;
        Self::from_percent(fraction * 100.0).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hundredth_survives_the_way_through_per_cent_and_fraction() {
        for points in 0..=10_000 {
            let weight = Weight::from_basis_points(points).expect("in range");
            assert_eq!(Weight::from_percent(weight.percent()), Ok(weight));
            assert_eq!(Weight::nearest_to_fraction(weight.fraction()), weight);
            let text = serde_json::to_string(&weight).expect("a number");
            assert_eq!(serde_json::from_str::<Weight>(&text).expect("the same number"), weight);
        }
    }

    #[test]
    fn a_sliver_of_traffic_is_not_nothing() {
        assert_eq!(Weight::nearest_to_fraction(0.000_001).basis_points(), 1);
        assert_eq!(Weight::nearest_to_fraction(0.0), Weight::ZERO);
        assert_eq!(Weight::nearest_to_fraction(-1.0), Weight::ZERO);
        assert_eq!(Weight::nearest_to_fraction(f64::NAN), Weight::ZERO);
        assert_eq!(Weight::nearest_to_fraction(7.0), Weight::FULL);
    }

    #[test]
    fn what_is_no_weight_is_refused() {
        for percent in [-5.0, 100.01, 101.0, f64::NAN, f64::INFINITY, 0.001] {
            assert!(Weight::from_percent(percent).is_err(), "{percent}");
        }
        assert!(Weight::from_basis_points(10_001).is_err());
    }
}
