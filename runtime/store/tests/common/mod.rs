//! Rows that the tests of the store share.

use granary_store::{Grain, Package};

/// A grain of a package's app, never opened.
pub(crate) fn grain(id: &str, package: &Package) -> Grain {
    Grain {
        grain_id: id.into(),
        title: id.into(),
        app_id: package.app_id.clone(),
        package_id: package.package_id.clone(),
        app_version: package.app_version,
        owner_identity: "ab".repeat(32),
        created: 10,
        last_used: 10,
        size: 0,
        trashed: None,
        opened: false,
        app_title: package.title.clone(),
    }
}
