//! Reads and writes Cap'n Proto messages in their standard stream framing.
