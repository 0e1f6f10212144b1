//! The published state as ramstream stores it.
