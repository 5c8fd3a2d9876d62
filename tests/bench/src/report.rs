//! The table of results: figure, promise, kept or missed.

/// One line.
struct Line {
    name: String,
    value: f64,
    unit: &'static str,
    promise: Option<Promise>,
    note: String,
}

/// What a figure must be.
#[derive(Clone, Copy)]
pub(crate) enum Promise {
    /// At most this.
    Most(f64),
    /// At least this.
    Least(f64),
}

/// All lines of a run.
#[derive(Default)]
pub(crate) struct Report(Vec<Line>);

impl Report {
    /// Adds a figure with its promise.
    pub(crate) fn promise(&mut self, name: &str, value: f64, unit: &'static str, promise: Promise, note: String) {
        self.0.push(Line { name: name.to_owned(), value, unit, promise: Some(promise), note });
    }

    /// Adds a figure for information.
    pub(crate) fn info(&mut self, name: &str, value: f64, unit: &'static str, note: String) {
        self.0.push(Line { name: name.to_owned(), value, unit, promise: None, note });
    }

    /// Prints the table; results are this program's standard output.
    #[expect(clippy::print_stdout, reason = "the table is the program's result")]
    pub(crate) fn print(&self) {
        println!("{:<58} {:>12}  {:<10} {:<7} note", "figure", "value", "promise", "");
        for line in &self.0 {
            let (promise, verdict) = match line.promise {
                None => (String::new(), ""),
                Some(Promise::Most(most)) => (format!("<= {most}"), if line.value <= most { "kept" } else { "MISSED" }),
                Some(Promise::Least(least)) => {
                    (format!(">= {least}"), if line.value >= least { "kept" } else { "MISSED" })
                }
            };
            let value = format!("{:.3} {}", line.value, line.unit);
            println!("{:<58} {value:>12}  {promise:<10} {verdict:<7} {}", line.name, line.note);
        }
    }
}

/// The median of measurements.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
