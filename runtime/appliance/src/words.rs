//! What apps call things in the person's language.
//!
//! The language that was chosen in the settings comes first, then those that a browser asks for, best first; for each the
//! very tag, then another of the same language. Where an app has none of them, its own text stands.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::FromRequestParts;
use granary_gateway::web::fields::weighted_list;
use granary_package::{ActionInput, LocalizedText, Manifest};
use granary_store::Store;
use hyper::header::{ACCEPT_LANGUAGE, HeaderValue};
use hyper::http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::api::problem::Result;
use crate::api::types::{App, Event, Grain};
use crate::core::Core;
use crate::describe::{line, manifest_of};
use crate::folder::Folder;
use crate::settings::AUTO;

/// More than these are not looked at.
const LANGUAGES: usize = 16;

/// Languages that a person reads, the best first, as BCP 47 tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Languages(Vec<String>);

impl Languages {
    /// The chosen language before those of an `Accept-Language` field.
    pub(crate) fn new(chosen: &str, accepted: &[u8]) -> Self {
        let mut weighted: Vec<_> = weighted_list(accepted).filter(|entry| entry.q > 0.0).collect();
        weighted.sort_by(|a, b| b.q.total_cmp(&a.q));
        let accepted =
            weighted.iter().filter_map(|entry| std::str::from_utf8(&entry.value).ok()).filter(|tag| *tag != "*");
        let chosen = Some(chosen).filter(|chosen| *chosen != AUTO);
        Self(chosen.into_iter().chain(accepted).filter(|tag| is_tag(tag)).take(LANGUAGES).map(str::to_owned).collect())
    }

    /// The text in the best of them, or as the app has it.
    pub(crate) fn get<'a>(&self, text: &'a LocalizedText) -> &'a str {
        if text.localizations.is_empty() || self.0.is_empty() {
            return &text.default_text;
        }
        text.get(&self.0.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The same, where there is something in one of them.
    pub(crate) fn translated(&self, text: &LocalizedText) -> Option<String> {
        let found = self.get(text);
        Some(found).filter(|found| *found != text.default_text).map(line).filter(|found| !found.is_empty())
    }

    /// Tells answers in other languages apart.
    pub(crate) fn key(&self) -> String {
        self.0.join(",")
    }
}

/// Whether a text looks like a BCP 47 tag.
pub(crate) fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    text.len() <= 35
        && (2..=8).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

impl FromRequestParts<Arc<Core>> for Languages {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Self::Rejection> {
        let accepted = parts.headers.get(ACCEPT_LANGUAGE).map(HeaderValue::as_bytes).unwrap_or_default();
        Ok(Self::new(&core.chosen().language, accepted))
    }
}

/// What a package says in other languages.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Words {
    title: LocalizedText,
    marketing_version: LocalizedText,
    short_description: LocalizedText,
    /// In the order of the store's actions.
    actions: Vec<ActionWords>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ActionWords {
    title: LocalizedText,
    noun_phrase: LocalizedText,
    description: LocalizedText,
}

impl Words {
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self {
            title: manifest.app_title.clone(),
            marketing_version: manifest.app_marketing_version.clone(),
            short_description: manifest.metadata.short_description.clone(),
            actions: manifest
                .actions
                .iter()
                .filter(|action| matches!(action.input, ActionInput::None))
                .map(|action| ActionWords {
                    title: action.title.clone(),
                    noun_phrase: action.noun_phrase.clone(),
                    description: action.description.clone(),
                })
                .collect(),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The app's name.
    pub(crate) fn title(&self, languages: &Languages) -> Option<String> {
        languages.translated(&self.title)
    }

    /// What one of the things is called that an action makes.
    pub(crate) fn noun_phrase(&self, action: usize, languages: &Languages) -> Option<String> {
        languages.translated(&self.actions.get(action)?.noun_phrase)
    }

    /// Puts an app into other words.
    pub(crate) fn apply(&self, app: &mut App, languages: &Languages) {
        let replace = |text: &mut String, words: &LocalizedText| {
            if let Some(words) = languages.translated(words) {
                *text = words;
            }
        };
        replace(&mut app.title, &self.title);
        replace(&mut app.marketing_version, &self.marketing_version);
        if let Some(words) = languages.translated(&self.short_description) {
            app.short_description = Some(words);
        }
        for (action, words) in app.actions.iter_mut().zip(&self.actions) {
            replace(&mut action.title, &words.title);
            replace(&mut action.noun_phrase, &words.noun_phrase);
            if let Some(words) = languages.translated(&words.description) {
                action.description = Some(words);
            }
        }
    }
}

/// What the packages say in other languages, by package.
#[derive(Debug, Default)]
pub(crate) struct Dictionary(RwLock<HashMap<String, Arc<Words>>>);

impl Dictionary {
    /// Reads it from the database, and from the packages of which the database does not know it yet.
    pub(crate) fn load(store: &Store, folder: &Folder) -> Result<Self> {
        for id in store.read(|r| r.packages_without_texts())? {
            let words = manifest_of(&folder.apps(), &id).map(|manifest| Words::of(&manifest)).unwrap_or_default();
            store.write(|w| w.set_package_texts(&id, &words.to_json()))?;
        }
        let dictionary = Self::default();
        for (id, text) in store.read(|r| r.texts())? {
            dictionary.put(&id, serde_json::from_str(&text).unwrap_or_default());
        }
        Ok(dictionary)
    }

    pub(crate) fn put(&self, package_id: &str, words: Words) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(package_id.to_owned(), Arc::new(words));
    }

    pub(crate) fn get(&self, package_id: &str) -> Option<Arc<Words>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(package_id).cloned()
    }

    pub(crate) fn forget(&self, package_id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(package_id);
    }
}

impl Core {
    pub(crate) fn app_in_words(&self, mut app: App, languages: &Languages) -> App {
        if let Some(words) = self.dictionary.get(&app.package_id) {
            words.apply(&mut app, languages);
        }
        app
    }

    pub(crate) fn grain_in_words(&self, mut grain: Grain, languages: &Languages) -> Grain {
        if let Some(title) = self.dictionary.get(&grain.package_id).and_then(|words| words.title(languages)) {
            grain.app_title = title;
        }
        grain
    }

    /// The same for many, which run from few packages.
    pub(crate) fn grains_in_words(&self, grains: &mut [Grain], languages: &Languages) {
        let mut titles: HashMap<String, Option<String>> = HashMap::new();
        for grain in grains {
            if !titles.contains_key(&grain.package_id) {
                let title = self.dictionary.get(&grain.package_id).and_then(|words| words.title(languages));
                titles.insert(grain.package_id.clone(), title);
            }
            if let Some(Some(title)) = titles.get(&grain.package_id) {
                grain.app_title.clone_from(title);
            }
        }
    }

    /// An event as one reader of the live updates is to have it.
    pub(crate) fn in_words(&self, event: Event, languages: &Languages) -> Event {
        match event {
            Event::Grain { grain } => Event::Grain { grain: self.grain_in_words(grain, languages) },
            Event::Grains { mut grains } => {
                self.grains_in_words(&mut grains, languages);
                Event::Grains { grains }
            }
            Event::App { app } => Event::App { app: self.app_in_words(app, languages) },
            Event::Install { install } => {
                let shown = self.installs.get(&install.install_id, languages);
                Event::Install { install: shown.map_or(install, Box::new) }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use granary_package::Localization;

    use super::*;

    #[test]
    fn the_chosen_language_then_those_of_the_browser() {
        for (chosen, accepted, expected) in [
            ("auto", "", ""),
            ("fr", "", "fr"),
            ("auto", "de-AT, de;q=0.9, en;q=0.8", "de-AT,de,en"),
            ("auto", "en;q=0.1, fr;q=0, *;q=0.5, zh-CN", "zh-CN,en"),
            ("de", "fr", "de,fr"),
            ("auto", "\u{fe}, de_DE, <script>, a-very-long-tag-that-nobody-would-ever-use-anywhere", ""),
        ] {
            assert_eq!(Languages::new(chosen, accepted.as_bytes()).key(), expected, "{chosen} {accepted:?}");
        }
    }

    #[test]
    fn texts_fall_back_to_the_same_language_and_then_to_the_apps_own() {
        let texts = |pairs: &[(&str, &str)]| LocalizedText {
            default_text: "Letter".into(),
            localizations: pairs.iter().map(|(l, t)| Localization { locale: (*l).into(), text: (*t).into() }).collect(),
        };
        let text = texts(&[("de", "Brief"), ("fr-CA", "Lettre"), ("it", "  "), ("zh-TW", "信函"), ("zh-CN", "信")]);
        for (accepted, expected) in [
            ("de", Some("Brief")),
            ("de-CH", Some("Brief")),
            ("fr", Some("Lettre")),
            ("zh-CN", Some("信")),
            ("pt, de;q=0.5", Some("Brief")),
            ("pt", None),
            ("it", None),
            ("", None),
        ] {
            let languages = Languages::new(AUTO, accepted.as_bytes());
            assert_eq!(languages.translated(&text).as_deref(), expected, "{accepted:?}");
        }
    }
}
