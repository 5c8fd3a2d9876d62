//! What a login reaches: everything, or what one window of the desktop needs.

/// What a login opens, and a window's connections may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Every page and call: a browser of the owner's.
    #[default]
    Everything,
    /// The shell's pages and calls, and no page of a grain: the desktop's main window.
    Shell,
    /// The shell's page of one grain, and that grain's own pages: a grain's window.
    Grain(String),
}

/// Tells windows of the desktop apart, for as long as the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WindowId(pub(crate) u64);

/// Whose a login or a connection is. Logins of a window count on its own connections only, and no other logins do there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holder {
    /// `None`: a browser.
    pub(crate) window: Option<WindowId>,
    pub(crate) reach: Reach,
}
