//! Cap'n Proto code generated from schemas/, message framing, and the thread all RPC runs on.
