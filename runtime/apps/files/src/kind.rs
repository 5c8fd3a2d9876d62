//! What kind of file a name promises, and whether a browser may show it on this grain's own origin.

/// A media type and whether it is shown in the page instead of saved.
pub struct Kind {
    /// The `Content-Type`.
    pub mime: &'static str,
    /// Shown: types that cannot carry script when opened by themselves.
    pub shown: bool,
}

/// Endings and their types. HTML and SVG can carry script, so they are only ever downloaded or drawn as pictures.
const KINDS: &[(&[&str], &str, bool)] = &[
    (&["png"], "image/png", true),
    (&["jpg", "jpeg"], "image/jpeg", true),
    (&["gif"], "image/gif", true),
    (&["webp"], "image/webp", true),
    (&["avif"], "image/avif", true),
    (&["svg"], "image/svg+xml", false),
    (&["mp4", "m4v"], "video/mp4", true),
    (&["webm"], "video/webm", true),
    (&["mp3"], "audio/mpeg", true),
    (&["ogg", "oga", "opus"], "audio/ogg", true),
    (&["wav"], "audio/wav", true),
    (&["flac"], "audio/flac", true),
    (&["m4a"], "audio/mp4", true),
    (
        &["txt", "md", "log", "csv", "json", "toml", "yaml", "yml", "rs", "py", "c", "h", "sh", "css", "js", "ts"],
        "text/plain; charset=utf-8",
        true,
    ),
    (&["pdf"], "application/pdf", false),
    (&["zip"], "application/zip", false),
];

/// The kind of the file called `name`.
pub fn of(name: &str) -> Kind {
    let ending = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    KINDS.iter().find(|(endings, ..)| endings.contains(&ending.as_str())).map_or(
        Kind { mime: "application/octet-stream", shown: false },
        |(_, mime, shown)| Kind { mime, shown: *shown },
    )
}
