//! How long something takes, where there is a clock.

#[cfg(feature = "std-io")]
use std::time::Instant;

/// A time that runs.
pub(crate) struct Stopwatch {
    #[cfg(feature = "std-io")]
    start: Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch {
            #[cfg(feature = "std-io")]
            start: Instant::now(),
        }
    }

    /// Microseconds until now.
    pub(crate) fn micros(&self) -> Option<u64> {
        #[cfg(feature = "std-io")]
        return Some(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX));
        #[cfg(not(feature = "std-io"))]
        return None;
    }

    /// Seconds until now.
    pub(crate) fn seconds(&self) -> f64 {
        #[cfg(feature = "std-io")]
        return self.start.elapsed().as_secs_f64();
        #[cfg(not(feature = "std-io"))]
        return 0.0;
    }
}
