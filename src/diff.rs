//! Comparison of a reading with the published state.
