//! An Alibaba Cloud account behind real HTTP.
