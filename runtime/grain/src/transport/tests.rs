//! The transport against a real peer and against raw bytes.
