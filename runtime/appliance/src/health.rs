//! The one registry of what a person should know: code, title, severity, text, what to do.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much an entry matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something works less well than it could.
    Warning,
    /// Good to know.
    Info,
}

/// One thing to know about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Stable, kebab-case.
    pub code: String,
    /// A few words.
    pub title: String,
    /// How much it matters when it is not ok.
    pub severity: Severity,
    /// Whether there is nothing to do.
    pub ok: bool,
    /// A sentence or two on how it is.
    pub text: String,
    /// What to do about it; empty when there is nothing to do.
    pub remedy: String,
    /// What the sentences are made of, by name, for those who say them in another language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// The rooms below have the same entries, without the details.
macro_rules! entry_from {
    ($room:ident :: $entry:ident) => {
        impl From<$room::$entry> for Entry {
            fn from(entry: $room::$entry) -> Self {
                use $room::Severity as S;
                Self {
                    code: entry.code.into(),
                    title: entry.title,
                    severity: match entry.severity {
                        S::Error => Severity::Error,
                        S::Warning => Severity::Warning,
                        S::Info => Severity::Info,
                    },
                    ok: entry.ok,
                    text: entry.text,
                    remedy: entry.remedy,
                    details: BTreeMap::new(),
                }
            }
        }
    };
}

entry_from!(granary_sandbox::Entry);
entry_from!(granary_gateway::HealthEntry);

impl From<Severity> for granary_store::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Info => Self::Info,
        }
    }
}

impl From<granary_store::Severity> for Severity {
    fn from(severity: granary_store::Severity) -> Self {
        use granary_store::Severity as S;
        match severity {
            S::Error => Self::Error,
            S::Warning => Self::Warning,
            S::Info => Self::Info,
        }
    }
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    /// This computer or this appliance.
    Appliance,
    /// One grain.
    Grain(String),
}

impl Subject {
    /// The grain it is.
    pub(crate) fn grain_id(&self) -> Option<String> {
        match self {
            Self::Appliance => None,
            Self::Grain(id) => Some(id.clone()),
        }
    }
}

/// All entries, by what they are about and their code.
#[derive(Debug, Default)]
pub(crate) struct Health {
    entries: Mutex<BTreeMap<(Subject, String), Entry>>,
}

impl Health {
    /// Puts an entry in, in place of an earlier one of the same code. Returns whether that changed anything.
    pub(crate) fn set(&self, subject: Subject, entry: &Entry) -> bool {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (subject, entry.code.clone());
        let old = entries.insert(key, entry.clone());
        old.map_or(!entry.ok, |old| old != *entry)
    }

    /// Takes everything about a grain out, and returns it.
    pub(crate) fn forget(&self, subject: &Subject) -> Vec<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<_> = entries.keys().filter(|(about, _)| about == subject).cloned().collect();
        keys.iter().filter_map(|key| entries.remove(key)).collect()
    }

    /// Takes one entry out, and returns it.
    pub(crate) fn clear(&self, subject: &Subject, code: &str) -> Option<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&(subject.clone(), code.to_owned()))
    }

    /// Everything, the gravest first.
    pub(crate) fn all(&self) -> Vec<Entry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Entry> = entries.values().cloned().collect();
        all.sort_by_key(|entry| (entry.ok, entry.severity));
        all
    }

    /// What is not as it should be, the gravest first.
    pub(crate) fn problems(&self) -> Vec<Entry> {
        let mut all = self.all();
        all.retain(|entry| !entry.ok);
        all
    }
}
