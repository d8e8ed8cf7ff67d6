//! Pure. One seed, one version: what Status told a connection holds for the Encrypt that follows.

use std::time::Duration;

/// How long Encrypt follows what Status told: an API server asks for both within one probe, each
/// within its own deadline of a few seconds.
const HOLDS: Duration = Duration::from_secs(10);

/// What one connection was told last. Times are since the Unix epoch.
#[derive(Debug, Clone, Default)]
pub struct Pin {
    told: Option<(String, Duration)>,
}

impl Pin {
    /// Notes the key id that Status told.
    pub fn told(&mut self, key_id: &str, now: Duration) {
        self.told = Some((key_id.to_owned(), now));
    }

    /// The key id that Encrypt must use, unless Status told none of late.
    #[must_use]
    pub fn holds(&self, now: Duration) -> Option<&str> {
        let (key_id, at) = self.told.as_ref()?;
        (now.saturating_sub(*at) <= HOLDS).then_some(key_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_holds_for_one_probe() {
        let mut pin = Pin::default();
        assert_eq!(pin.holds(Duration::ZERO), None);
        pin.told("a", Duration::from_secs(5));
        assert_eq!(pin.holds(Duration::from_secs(15)), Some("a"));
        assert_eq!(pin.holds(Duration::from_secs(16)), None);
        pin.told("b", Duration::from_secs(16));
        assert_eq!(pin.holds(Duration::from_secs(16)), Some("b"));
    }
}
