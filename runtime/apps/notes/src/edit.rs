//! Edits as operational transformation: what two people typed at the same time is merged so that both end with the same text.
//!
//! Positions count UTF-16 code units, because that is what a browser's text field counts. On the wire an edit is a JSON array:
//! a positive number keeps that many units, a negative one deletes, a text is inserted.

use serde::{Deserialize, Serialize};

/// One step of an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// Keeps (positive) or deletes (negative) so many units.
    Move(i64),
    /// Inserts this text.
    Insert(String),
}

/// A change of a whole text, from its first unit to its last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Edit(Vec<Part>);

/// Why an edit was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Misfit {
    /// Its lengths do not add up to the text's, or a number is zero or too large.
    Length,
    /// It would cut a character that takes two units in half.
    Character,
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

impl Edit {
    /// The edit with adjacent parts of a kind joined, insertions before deletions, and empty parts left out.
    #[cfg(test)]
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut edit = Self::default();
        for part in parts {
            match part {
                Part::Move(n) if n >= 0 => edit.keep(n.unsigned_abs()),
                Part::Move(n) => edit.delete(n.unsigned_abs()),
                Part::Insert(text) => edit.insert(&text),
            }
        }
        edit
    }

    fn keep(&mut self, n: u64) {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        match self.0.last_mut() {
            _ if n == 0 => {}
            Some(Part::Move(last)) if *last > 0 => *last = last.saturating_add(n),
            _ => self.0.push(Part::Move(n)),
        }
    }

    fn delete(&mut self, n: u64) {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        match self.0.last_mut() {
            _ if n == 0 => {}
            Some(Part::Move(last)) if *last < 0 => *last = last.saturating_sub(n),
            _ => self.0.push(Part::Move(-n)),
        }
    }

    /// An insertion goes before a deletion at the same place, so that equal edits have one form.
    fn insert(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let deletion = match self.0.last() {
            Some(Part::Move(n)) if *n < 0 => self.0.pop(),
            _ => None,
        };
        match self.0.last_mut() {
            Some(Part::Insert(last)) => last.push_str(text),
            _ => self.0.push(Part::Insert(text.to_owned())),
        }
        self.0.extend(deletion);
    }

    /// The text after this edit.
    pub fn apply(&self, text: &[u16]) -> Result<Vec<u16>, Misfit> {
        let mut rest = text;
        let mut out = Vec::with_capacity(text.len());
        for part in &self.0 {
            match part {
                Part::Move(0) => return Err(Misfit::Length),
                Part::Move(n) => {
                    let count = usize::try_from(n.unsigned_abs()).map_err(|_| Misfit::Length)?;
                    let (taken, after) = rest.split_at_checked(count).ok_or(Misfit::Length)?;
                    if *n > 0 {
                        out.extend_from_slice(taken);
                    }
                    rest = after;
                }
                Part::Insert(inserted) => out.extend(inserted.encode_utf16()),
            }
        }
        if !rest.is_empty() {
            return Err(Misfit::Length);
        }
        if char::decode_utf16(out.iter().copied()).any(|c| c.is_err()) {
            return Err(Misfit::Character);
        }
        Ok(out)
    }

    /// For two edits of the same text: each as it must read when the other has been applied first.
    /// Where both insert at one place, `self`'s text comes first.
    pub fn transform(&self, other: &Self) -> Result<(Self, Self), Misfit> {
        let (mut mine, mut theirs) = (Self::default(), Self::default());
        let (mut a, mut b) = (self.0.iter().cloned(), other.0.iter().cloned());
        let (mut left, mut right) = (a.next(), b.next());
        loop {
            match (left.take(), right.take()) {
                (None, None) => return Ok((mine, theirs)),
                (Some(Part::Insert(text)), r) => {
                    theirs.keep(units(&text) as u64);
                    mine.insert(&text);
                    (left, right) = (a.next(), r);
                }
                (l, Some(Part::Insert(text))) => {
                    mine.keep(units(&text) as u64);
                    theirs.insert(&text);
                    (left, right) = (l, b.next());
                }
                (Some(Part::Move(l)), Some(Part::Move(r))) => {
                    let step = l.unsigned_abs().min(r.unsigned_abs());
                    if step == 0 {
                        return Err(Misfit::Length);
                    }
                    match (l > 0, r > 0) {
                        (true, true) => {
                            mine.keep(step);
                            theirs.keep(step);
                        }
                        (false, true) => mine.delete(step),
                        (true, false) => theirs.delete(step),
                        (false, false) => {}
                    }
                    left = rest(l, step).or_else(|| a.next());
                    right = rest(r, step).or_else(|| b.next());
                }
                _ => return Err(Misfit::Length),
            }
        }
    }
}

/// What is left of a part that moves by `n` after `step` units.
fn rest(n: i64, step: u64) -> Option<Part> {
    let left = n.unsigned_abs() - step;
    (left > 0).then(|| Part::Move(n.signum() * i64::try_from(left).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Edit, Misfit, Part};

    fn utf16(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn edit(json: &str) -> Edit {
        serde_json::from_str(json).expect("an edit")
    }

    #[test]
    fn edits_apply() {
        for (text, change, expected) in [
            ("", r#"["hello"]"#, Ok("hello")),
            ("hello", r#"[5," world"]"#, Ok("hello world")),
            ("hello", "[1,-3,1]", Ok("ho")),
            ("hello", "[4]", Err(Misfit::Length)),
            ("hello", "[6]", Err(Misfit::Length)),
            ("hello", "[0,5]", Err(Misfit::Length)),
            ("hello", "[9223372036854775807]", Err(Misfit::Length)),
            ("hello", "[-9223372036854775808]", Err(Misfit::Length)),
            ("a🦀b", "[1,-2,1]", Ok("ab")),
            ("a🦀b", "[2,-1,1]", Err(Misfit::Character)),
        ] {
            assert_eq!(edit(change).apply(&utf16(text)), expected.map(utf16), "{text} {change}");
        }
    }

    /// An edit that fits a text of `length` units; every unit is one ASCII letter.
    fn fitting(length: usize) -> impl Strategy<Value = Edit> {
        prop::collection::vec((0..3u8, 1..6usize, "[a-c]{1,3}"), 0..8).prop_map(move |steps| {
            let (mut parts, mut left) = (Vec::new(), length);
            for (kind, count, text) in steps {
                let count = count.min(left);
                match kind {
                    0 => parts.push(Part::Insert(text)),
                    1 => parts.push(Part::Move(count as i64)),
                    _ => parts.push(Part::Move(-(count as i64))),
                }
                if kind != 0 {
                    left -= count;
                }
            }
            parts.push(Part::Move(left as i64));
            Edit::new(parts)
        })
    }

    proptest! {
        #[test]
        fn both_orders_end_with_the_same_text(
            (text, a, b) in "[x-z]{0,20}".prop_flat_map(|t| { let n = t.len(); (Just(t), fitting(n), fitting(n)) })
        ) {
            let text = utf16(&text);
            let (a2, b2) = a.transform(&b).expect("both fit");
            let one = b2.apply(&a.apply(&text).expect("fits")).expect("fits");
            let two = a2.apply(&b.apply(&text).expect("fits")).expect("fits");
            prop_assert_eq!(one, two);
        }

        #[test]
        fn nonsense_never_panics(a in prop::collection::vec(any::<i64>(), 0..6), b in prop::collection::vec(any::<i64>(), 0..6)) {
            let make = |v: Vec<i64>| Edit(v.into_iter().map(Part::Move).collect());
            let (a, b) = (make(a), make(b));
            let _ = a.transform(&b);
            let _ = a.apply(&[1, 2, 3]);
        }
    }
}
