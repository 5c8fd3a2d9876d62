//! What a person decides by: what a package is, and what it would mean for what is here.

use granary_store::{PackageUse, Read};

use super::registry::Found;
use crate::api::types::{App, Author, Offer, OfferChange, OfferInstalled, OfferKind};
use crate::describe;
use crate::words::{Languages, Words};

/// What a package would mean for what the database knows.
pub(crate) fn change(r: &Read<'_>, package: &granary_store::Package) -> granary_store::Result<OfferChange> {
    let app = r.app(&package.app_id)?;
    let app_installed = app.is_some();
    // One that was uninstalled with grains left is still here, as far as its author is concerned.
    let before = match app {
        Some(app) => Some(app.package),
        None => r.packages(&package.app_id)?.into_iter().next(),
    };
    let uses = r.package_uses(&package.app_id)?;
    let count =
        |wanted: &dyn Fn(&PackageUse) -> bool| uses.iter().filter(|one| wanted(one)).map(|one| one.grains).sum();
    let kind = match &before {
        Some(before) if app_installed => {
            if before.package_id == package.package_id {
                OfferKind::Reinstall
            } else {
                match package.app_version.cmp(&before.app_version) {
                    std::cmp::Ordering::Less => OfferKind::Downgrade,
                    std::cmp::Ordering::Equal => OfferKind::SameVersion,
                    std::cmp::Ordering::Greater => OfferKind::Upgrade,
                }
            }
        }
        _ => OfferKind::New,
    };
    let author_changed = before.as_ref().is_some_and(|before| before.author_fingerprint != package.author_fingerprint);
    Ok(OfferChange {
        kind,
        author_changed,
        app_installed,
        grains_moving: count(&|one| one.app_version <= package.app_version && one.package_id != package.package_id),
        grains_newer: count(&|one| one.app_version > package.app_version),
        installed: before.map(|before| OfferInstalled {
            package_id: before.package_id,
            title: before.title,
            version: before.app_version,
            marketing_version: before.marketing_version,
            author: Author { fingerprint: before.author_fingerprint, name: before.author_name },
        }),
    })
}

/// What is shown of a package that was checked.
pub(crate) fn offer(found: &Found, languages: &Languages) -> Offer {
    let verified = &found.installed.verified;
    let manifest = &verified.manifest;
    let package = describe::package(verified);
    // The same words as the list of apps will have.
    let mut app = describe::app(granary_store::App { package, starter: false, grains: 0 });
    Words::of(manifest).apply(&mut app, languages);
    let App { app_id, package_id, title, version, marketing_version, short_description, author, actions, .. } = app;
    Offer {
        app_id,
        package_id,
        title,
        version,
        marketing_version,
        short_description,
        author,
        links: describe::links(&manifest.metadata),
        licence: describe::licence(&manifest.metadata, languages),
        package_size: verified.package_size,
        unpacked_size: verified.unpacked_size,
        has_icon: !describe::icons(&found.installed).is_empty(),
        actions,
        asks: describe::asks(manifest, verified.bridge_config.as_ref(), languages),
        change: found.change.clone(),
    }
}
