//! How results, words and failures leave the program: results alone on stdout, everything else on stderr.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use granary_appliance::api::problem::Problem;
use serde::Serialize;

/// A command's outcome.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: Box<Problem>,
    exit: u8,
}

impl Failure {
    /// It could not be done.
    pub(crate) fn failed(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let problem = Problem {
            code: code.into(),
            title: "Failed".into(),
            message: message.into(),
            remedy: remedy.into(),
            invalid: false,
            status: hyper::StatusCode::INTERNAL_SERVER_ERROR,
        };
        problem.into()
    }

    /// What was given is not acceptable.
    pub(crate) fn invalid(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let mut failure = Self::failed(code, message, remedy);
        failure.problem.invalid = true;
        failure.exit = 2;
        failure
    }

    /// The problem's stable name.
    pub(crate) fn code(&self) -> &str {
        &self.problem.code
    }

    /// The problem in a sentence.
    pub(crate) fn message(&self) -> &str {
        &self.problem.message
    }

    /// Tells the person and gives the exit code.
    pub(crate) fn report(self, json: bool) -> ExitCode {
        let mut stderr = std::io::stderr().lock();
        // Nobody is left to tell when stderr is gone.
        let _ = if json {
            writeln!(stderr, "{}", serde_json::json!({ "error": self.problem }))
        } else if self.problem.remedy.is_empty() {
            writeln!(stderr, "granary: {}", self.problem.message)
        } else {
            writeln!(stderr, "granary: {}\n  {}", self.problem.message, self.problem.remedy)
        };
        ExitCode::from(self.exit)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let exit = if problem.invalid { 2 } else { 1 };
        Self { problem: Box::new(problem), exit }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed("io", error.to_string(), "")
    }
}

/// Writes results.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// Prints a result: as JSON, or as the text that `plain` makes of it.
    pub(crate) fn result<T: Serialize>(self, value: &T, plain: impl FnOnce(&T) -> String) -> Outcome {
        let mut text = if self.json {
            serde_json::to_string(value).map_err(|error| Failure::failed("internal", error.to_string(), ""))?
        } else {
            plain(value)
        };
        if text.is_empty() {
            return Ok(());
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        write_all(text.as_bytes())
    }

    /// Says something that is no result.
    pub(crate) fn say(self, words: impl std::fmt::Display) {
        let _ = writeln!(std::io::stderr().lock(), "{words}");
    }
}

/// Writes to stdout; a reader that has read enough (`granary log | head`) is no failure.
pub(crate) fn write_all(bytes: &[u8]) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// Rows as text: aligned under a heading on a terminal, separated by tabs for programs.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    if !std::io::stdout().is_terminal() {
        return rows.iter().map(|row| row.join("\t") + "\n").collect();
    }
    let heading: Vec<String> = heading.iter().map(|&cell| cell.to_owned()).collect();
    let width = |column: usize| {
        let cells = std::iter::once(&heading).chain(rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    std::iter::once(&heading).chain(rows).map(line).collect()
}

/// The JSON name of a value that is one of a few words.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A title on one line, without the control characters a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
