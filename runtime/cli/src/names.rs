//! Finds the app or the grain a person means by an id, a title, or the beginning of one.

use granary_appliance::api::types::{App, Grain};

use crate::output::{Failure, Outcome, plain};

/// The one of `candidates` that `text` means. An exact id wins over an exact title, that over beginnings.
fn find<'a, T>(
    text: &str,
    candidates: &'a [T],
    id: impl Fn(&T) -> &str,
    title: impl Fn(&T) -> &str,
    what: &str,
    list: &str,
) -> Outcome<&'a T> {
    let wanted = text.to_lowercase();
    let rules: [&dyn Fn(&T) -> bool; 5] = [
        &|one| id(one) == text,
        &|one| title(one) == text,
        &|one| title(one).to_lowercase() == wanted,
        &|one| id(one).starts_with(text),
        &|one| title(one).to_lowercase().starts_with(&wanted),
    ];
    for rule in rules {
        let mut found = candidates.iter().filter(|one| rule(one));
        let Some(first) = found.next().filter(|_| !text.is_empty()) else { continue };
        let others: Vec<&T> = found.collect();
        if others.is_empty() {
            return Ok(first);
        }
        let names: Vec<String> = std::iter::once(&first)
            .chain(&others)
            .take(5)
            .map(|one| format!("{} ({})", id(one), plain(title(one))))
            .collect();
        return Err(Failure::invalid(
            &format!("ambiguous-{what}"),
            format!("{text:?} could mean {} {what}s: {}.", others.len() + 1, names.join(", ")),
            "Give the id.",
        ));
    }
    Err(Failure::failed(
        &format!("no-such-{what}"),
        format!("There is no {what} {text:?}."),
        format!("`granary {list}` lists what there is."),
    ))
}

/// The app that `text` means.
pub(crate) fn app<'a>(text: &str, apps: &'a [App]) -> Outcome<&'a App> {
    find(text, apps, |app| &app.app_id, |app| &app.title, "app", "apps")
}

/// The grain that `text` means.
pub(crate) fn grain<'a>(text: &str, grains: &'a [Grain]) -> Outcome<&'a Grain> {
    find(text, grains, |grain| &grain.grain_id, |grain| &grain.title, "grain", "grains")
}

#[cfg(test)]
mod tests {
    use super::find;

    fn check(text: &str, expected: Result<&str, &str>) {
        let things = [
            ("aaa1", "Shopping list"),
            ("aaa2", "Letters"),
            ("bbb1", "letter"),
            ("ccc1", "Twice"),
            ("ccc2", "Twice"),
            ("Letters2", "Something"),
        ];
        let found = find(text, &things, |one| one.0, |one| one.1, "grain", "grains");
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.0, expected, "{text:?}"),
            (Err(failure), Err(expected)) => {
                assert!(format!("{failure:?}").contains(expected), "{text:?}: {failure:?}");
            }
            (found, expected) => panic!("{text:?}: {found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn names() {
        check("aaa1", Ok("aaa1"));
        check("shopping", Ok("aaa1"));
        check("Letters", Ok("aaa2"));
        check("letter", Ok("bbb1"));
        check("LETTERS", Ok("aaa2"));
        check("bbb", Ok("bbb1"));
        check("Letters2", Ok("Letters2"));
        check("aaa", Err("ambiguous-grain"));
        check("Twice", Err("ambiguous-grain"));
        check("let", Err("ambiguous-grain"));
        check("zzz", Err("no-such-grain"));
        check("", Err("no-such-grain"));
    }
}
