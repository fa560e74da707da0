//! How long something takes, where there is a clock.

#[cfg(feature = "std-io")]
use std::time::Instant;

#[cfg(feature = "std-io")]
use std::time::Duration;

use verdict_syscall::Allowance;

/// The allowance with this much time from now on; where there is no clock, time is not limited.
#[cfg(feature = "std-io")]
pub(crate) fn time_limit(allowance: Allowance, most: Duration) -> Allowance {
    let start = Instant::now();
    allowance.until(move || start.elapsed() > most)
}

/// The allowance with this much time from now on; where there is no clock, time is not limited.
#[cfg(not(feature = "std-io"))]
pub(crate) fn time_limit(allowance: Allowance, _: std::time::Duration) -> Allowance {
    allowance
}

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
