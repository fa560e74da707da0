//! Ctrl-C: what is finished is printed, what is not is left out.

use std::process;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of a command that was interrupted: that of shells for SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on, Ctrl-C lets running programs end and starts no others; a second one ends everything at once.
pub(crate) fn catch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without a handler, Ctrl-C ends everything at once: no harm.
        let _ = ctrlc::set_handler(|| {
            if ASKED.swap(true, Ordering::Relaxed) {
                process::exit(INTERRUPTED.into());
            }
            eprintln!("\nverdict: interrupted: waiting for the programs in work (again to stop at once)");
        });
    });
}

/// Whether nothing new is to be started.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
