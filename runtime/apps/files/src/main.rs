//! Files: upload, preview and download of large files.

fn main() {}
