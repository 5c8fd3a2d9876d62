//! Notes: Markdown notes that several people edit live.

fn main() {}
