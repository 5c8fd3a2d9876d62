//! What Granary is made of: others' work with its licences, gathered when it was built.

use std::io::Read as _;

use hyper::StatusCode;
use serde::Deserialize;

use crate::api::problem::{Problem, Result};
use crate::api::types::{About, Component};

/// JSON, packed with zlib: a few hundred texts that hardly anybody reads.
const GATHERED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/licences.json.z"));

#[derive(Deserialize)]
struct Gathered {
    components: Vec<Component>,
    notices: Vec<String>,
}

fn gathered() -> Result<Gathered> {
    let failed = |error: String| Problem::internal(format!("What Granary is made of cannot be read: {error}."));
    let mut text = String::new();
    flate2::read::ZlibDecoder::new(GATHERED).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
}

/// Everything but the texts.
pub(crate) fn about() -> Result<About> {
    let Gathered { components, .. } = gathered()?;
    Ok(About { version: env!("CARGO_PKG_VERSION").into(), licence: env!("CARGO_PKG_LICENSE").into(), components })
}

/// One of the texts.
pub(crate) fn notice(number: u32) -> Result<String> {
    let Gathered { mut notices, .. } = gathered()?;
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    if index >= notices.len() {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no-such-notice",
            "No such text",
            "There is no licence of that number.",
        ));
    }
    Ok(notices.swap_remove(index))
}
