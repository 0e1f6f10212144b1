//! Faults of the real parts: network, brokers, registry, clocks and paused processes. The account changes all the while;
//! each test ends with the checker's word, and shows that its fault did strike.

mod broker_away;
mod broker_refuses;
mod clocks;
mod foreign_transactions;
mod lives;
mod lost_replies;
mod network;
mod pauses;
mod registry;
mod soak;
