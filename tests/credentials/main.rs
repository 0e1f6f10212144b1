//! Every way to get credentials, from the outside: the built program against the simulated account, its STS and what stands
//! beside an ECS instance, all of it real HTTP.

#![allow(clippy::unwrap_used, reason = "a test may panic, and a helper of tests is not seen as one")]

mod links;
mod policy;
mod refusals;
mod renewal;
mod world;
