//! Every metric of the daemon.
