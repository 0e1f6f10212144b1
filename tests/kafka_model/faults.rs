//! The model's own faults.
