//! Everything about a package that can be checked without writing it anywhere.

use std::io::Read;
use std::path::Path;

use crate::container::Container;
use crate::manifest::{bridge_config, manifest};
use crate::tree::Tree;
use crate::{Error, Options, Refusal, Verified, author};

/// A package that has been checked, still open.
pub(crate) struct Checked {
    pub(crate) verified: Verified,
    pub(crate) container: Container,
}

/// Where the decompressed archive of a package goes that is only looked at: a folder on a disk, for `/tmp` may be memory.
const SCRATCH: &str = "/var/tmp";

/// Checks a package and says what is in it. Nothing is written but a file without a name.
pub fn verify(source: impl Read, mut options: Options<'_>) -> Result<Verified, Error> {
    let scratch = options.scratch.map_or_else(default_scratch, Path::to_path_buf);
    Ok(check(source, &scratch, &mut options)?.verified)
}

fn default_scratch() -> std::path::PathBuf {
    let usable = std::env::var_os("TMPDIR").is_none() && Path::new(SCRATCH).is_dir();
    if usable { SCRATCH.into() } else { std::env::temp_dir() }
}

/// Reads a package to its end and checks everything about it.
pub(crate) fn check(source: impl Read, scratch: &Path, options: &mut Options<'_>) -> Result<Checked, Error> {
    let container = Container::read(source, scratch, options)?;
    let tree = Tree::new(container.archive())?;
    let contents = tree.check(options)?;
    let manifest = manifest(contents.manifest.ok_or(Refusal::ManifestMissing)?)?;
    let bridge_config = contents.bridge_config.map(bridge_config).transpose()?;
    for (field, address) in
        [("the app's website", &manifest.metadata.website), ("the address of its source", &manifest.metadata.code_url)]
    {
        if let Some(address) = address.as_ref().filter(|text| !is_web_address(text)) {
            return Err(Refusal::WebAddress { field, address: address.clone() }.into());
        }
    }
    let author_fingerprint = author::fingerprint(&manifest.metadata.author, container.app_id)?;
    let verified = Verified {
        app_id: container.app_id,
        package_id: container.package_id,
        signer: container.signer,
        bridge_config,
        author_fingerprint,
        unpacked_size: contents.size,
        entries: contents.entries,
        package_size: container.size,
        manifest,
    };
    Ok(Checked { verified, container })
}

fn is_web_address(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}
