//! The system-call policy.
