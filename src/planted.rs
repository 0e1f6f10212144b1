//! Planted bugs: small, named changes of behaviour, by which the checker shows that it can fail.
//!
//! They exist under the feature `simulation` alone and are switched on one at a time, for one thread: a
//! simulated schedule runs on one. In every other build `planted!` is constantly false, and nothing else of this
//! file is compiled. `tests/architecture.rs` holds where they may stand, `tests/simulation/planted.rs`
//! that each is caught, and by what.

/// Whether this bug is switched on: `if planted!(SkipLastPage) { … }`.
#[cfg(feature = "simulation")]
macro_rules! planted {
    ($bug:ident) => {
        crate::planted::is_on(crate::planted::Bug::$bug)
    };
}

/// Whether this bug is switched on; in this build none is.
#[cfg(not(feature = "simulation"))]
macro_rules! planted {
    ($bug:ident) => {
        crate::planted::is_planted(stringify!($bug))
    };
}

/// Nothing is planted here. The name is for clippy, which would simplify conditions of equal constants.
#[cfg(not(feature = "simulation"))]
pub(crate) const fn is_planted(_bug: &str) -> bool {
    false
}

#[cfg(feature = "simulation")]
mod bugs;
#[cfg(feature = "simulation")]
mod switch;

#[cfg(feature = "simulation")]
pub use bugs::Bug;
#[cfg(feature = "simulation")]
pub(crate) use switch::is_on;
#[cfg(feature = "simulation")]
pub use switch::{Planted, with};
