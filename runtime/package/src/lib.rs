//! Packages (.spk): read, verify, unpack, pack, keys and app ids.
