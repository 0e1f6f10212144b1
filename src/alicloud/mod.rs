//! The Alibaba Cloud side.
