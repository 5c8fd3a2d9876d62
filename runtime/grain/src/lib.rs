//! A grain's life: create, start, keep alive, idle stop, crash, log, size.
