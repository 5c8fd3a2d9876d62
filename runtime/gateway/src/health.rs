//! What of the gateway a person should know about, in the form every front end shows.

use serde::Serialize;

/// How much an entry matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something works less well than it could, or soon will not.
    Warning,
    /// Good to know.
    Info,
}

/// One thing to know, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthEntry {
    /// Stable and kebab-case; what programs branch on.
    pub code: &'static str,
    /// A few words.
    pub title: String,
    /// How much it matters.
    pub severity: Severity,
    /// Whether all is well.
    pub ok: bool,
    /// A sentence or two.
    pub text: String,
    /// What the person can do, empty when there is nothing to do.
    pub remedy: String,
}
