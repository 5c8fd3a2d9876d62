//! Apps whose signing key was replaced: which key signs for which app, and which keys are no longer accepted.

use std::sync::LazyLock;

use crate::ids::{AppId, PackageId};

/// The table is data, so that it can be reviewed as such.
const TABLE: &str = include_str!("app-id-replacements.txt");

struct Replacement {
    original: AppId,
    replacement: AppId,
    /// The only packages still accepted from the original key; `None` when that key was not revoked.
    revoked_except: Option<Vec<PackageId>>,
}

static ROWS: LazyLock<Vec<Replacement>> = LazyLock::new(|| parse(TABLE));

/// The app that a package belongs to, given the key that signed it; `None` when that key was revoked.
pub fn app_of_signer(signer: AppId, package: PackageId) -> Option<AppId> {
    let revoked = ROWS
        .iter()
        .filter(|row| row.original == signer)
        .filter_map(|row| row.revoked_except.as_ref())
        .any(|accepted| !accepted.contains(&package));
    if revoked {
        return None;
    }
    // A replaced key may itself be replaced; the table has no circles, so as many steps as rows are enough.
    let step = |id: AppId| ROWS.iter().find(|row| row.replacement == id).map(|row| row.original);
    let mut id = signer;
    for _ in 0..ROWS.len() {
        let Some(original) = step(id) else { break };
        id = original;
    }
    Some(id)
}

/// A row that cannot be read is left out; a test reads every row, so none is.
fn parse(table: &str) -> Vec<Replacement> {
    table.lines().filter_map(parse_row).collect()
}

fn parse_row(line: &str) -> Option<Replacement> {
    let mut fields = line.split_whitespace();
    let original = fields.next()?.parse().ok()?;
    let replacement = fields.next()?.parse().ok()?;
    let revoked_except = match fields.next()? {
        "kept" => None,
        packages => Some(packages.split(',').map(str::parse).collect::<Result<_, _>>().ok()?),
    };
    Some(Replacement { original, replacement, revoked_except })
}

#[cfg(test)]
mod tests {
    use super::{ROWS, TABLE};

    #[test]
    fn every_row_of_the_table_is_read() {
        let rows = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
        assert_eq!((rows, ROWS.len()), (5, 5));
    }
}
