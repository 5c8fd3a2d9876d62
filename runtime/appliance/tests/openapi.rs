//! The API's document describes it completely: every reference resolves, every call has a name and says what it answers.

use std::collections::BTreeSet;

use granary_appliance::api::document;
use serde_json::Value;

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                found.insert(reference);
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(members) => members.iter().for_each(|member| references(member, found)),
        _ => {}
    }
}

#[test]
fn the_document_is_complete() {
    let document = serde_json::to_value(document()).unwrap();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let reference = format!("#/components/schemas/{name}");
        assert!(found.contains(reference.as_str()), "nothing uses {name}");
        assert!(schema["description"].is_string() || schema["type"] == "string", "{name} says nothing of itself");
    }
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(names.insert(call["operationId"].as_str().unwrap().to_owned()), "{what}: its name is taken");
            assert!(call["summary"].is_string() && call["tags"][0].is_string(), "{what}");
            let answers = call["responses"].as_object().unwrap();
            assert_eq!(
                answers["default"]["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/Problem",
                "{what}"
            );
            assert!(answers.keys().any(|status| status.starts_with('2')), "{what}");
            let parameters: BTreeSet<&str> = call["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|p| p["in"] == "path")
                .filter_map(|p| p["name"].as_str())
                .collect();
            let in_path: BTreeSet<&str> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(parameters, in_path, "{what}");
        }
    }
}

#[test]
fn names_are_those_of_the_plan() {
    let document = serde_json::to_value(document()).unwrap();
    let has = |schema: &str, members: &[&str]| {
        let known = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
        for member in members {
            assert!(known.contains_key(*member), "{schema} has no {member}");
        }
    };
    has(
        "App",
        &[
            "appId",
            "packageId",
            "title",
            "version",
            "marketingVersion",
            "shortDescription",
            "author",
            "starter",
            "grains",
            "actions",
        ],
    );
    has(
        "Grain",
        &["grainId", "title", "appId", "appTitle", "packageId", "size", "created", "lastUsed", "state", "trashed"],
    );
    has("Problem", &["code", "title", "message", "remedy"]);
    has("Entry", &["code", "title", "severity", "ok", "text", "remedy"]);
    has("Status", &["version", "port", "origin", "instance", "health"]);
}
