//! The commands on apps, grains and settings: each is a call or two of the local API.

use std::io::IsTerminal as _;
use std::path::Path;

use granary_appliance::api::types::{
    App, Grain, GrainPatch, GrainState, LoginCodeRequest, LoginUrl, NewGrain, NewSession, Session, Settings,
};
use granary_appliance::socket;
use granary_gateway::browser::{self, OpenOptions};
use http_body_util::{BodyExt as _, Empty};
use hyper::Method;
use serde_json::{Value, json};

use crate::args::{self, AppName, GrainName, Grains, Log, New, Open, Rename, Url};
use crate::client::{Client, lost_failure};
use crate::names;
use crate::output::{Failure, Outcome, Output, plain, size, table, write_all};
use crate::sentence;

pub(crate) async fn apps(client: &Client, output: Output) -> Outcome {
    let apps: Vec<App> = client.get("/apps").await?;
    output.result(&apps, |apps| {
        let rows: Vec<Vec<String>> = apps
            .iter()
            .map(|app| {
                let actions: Vec<String> =
                    app.actions.iter().map(|action| format!("{} {}", action.index, plain(&action.title))).collect();
                vec![
                    app.app_id.clone(),
                    plain(&app.title),
                    plain(&app.marketing_version),
                    app.grains.to_string(),
                    actions.join(", "),
                ]
            })
            .collect();
        table(&["APP", "TITLE", "VERSION", "GRAINS", "ACTIONS"], &rows)
    })
}

pub(crate) async fn uninstall(args: &AppName, client: &Client, output: Output) -> Outcome {
    let apps: Vec<App> = client.get("/apps").await?;
    let app = names::app(&args.app, &apps)?;
    client.delete(&format!("/apps/{}", app.app_id)).await?;
    output.say(format_args!("{} is uninstalled; its grains stay.", plain(&app.title)));
    output.result(&json!({ "appId": app.app_id, "title": app.title }), |_| String::new())
}

pub(crate) async fn new(args: &New, client: &Client, output: Output) -> Outcome {
    let apps: Vec<App> = client.get("/apps").await?;
    let app = names::app(&args.app, &apps)?;
    let request = NewGrain { app_id: app.app_id.clone(), action: args.action, title: args.title.clone() };
    let grain: Grain = client.call(Method::POST, "/grains", Some(&request)).await?;
    output.say(format_args!("{} is ready; `granary open {}` shows it.", plain(&grain.title), grain.grain_id));
    output.result(&grain, |grain| grain.grain_id.clone())
}

pub(crate) async fn grains(args: &Grains, client: &Client, output: Output) -> Outcome {
    let mut grains: Vec<Grain> = client.get("/grains").await?;
    grains.retain(|grain| args.all || grain.trashed.is_none());
    output.result(&grains, |grains| {
        let rows: Vec<Vec<String>> = grains
            .iter()
            .map(|grain| {
                let state = match (grain.trashed, grain.state) {
                    (Some(_), _) => "trashed",
                    (None, GrainState::Stopped) => "stopped",
                    (None, GrainState::Starting) => "starting",
                    (None, GrainState::Running) => "running",
                };
                let (id, title, app) = (grain.grain_id.clone(), plain(&grain.title), plain(&grain.app_title));
                vec![id, title, app, size(grain.size), state.to_owned()]
            })
            .collect();
        table(&["GRAIN", "TITLE", "APP", "SIZE", "STATE"], &rows)
    })
}

pub(crate) async fn open(args: &Open, client: &Client, data: &Path, output: Output) -> Outcome {
    let path = match &args.grain {
        Some(name) => Some(format!("/grain/{}", find_grain(name, client).await?.grain_id)),
        None => None,
    };
    let url: LoginUrl = client.call(Method::POST, "/login-code", Some(&LoginCodeRequest { path })).await?;
    let seen = std::io::stdout().is_terminal() && has_display() && !output.json;
    if args.browser || (seen && !args.print) {
        open_browser(&url.url, data)?;
        output.say("Opened in the browser.");
        return output.result(&json!({ "opened": true }), |_| String::new());
    }
    output.say("Works once, within a minute:");
    output.result(&url, |url| url.url.clone())
}

pub(crate) async fn url(args: &Url, client: &Client, output: Output) -> Outcome {
    let grain = find_grain(&args.grain, client).await?;
    let request = NewSession { path: Some(args.path.clone()) };
    let path = format!("/grains/{}/session", grain.grain_id);
    let session: Session = client.call(Method::POST, &path, Some(&request)).await?;
    output.result(&session, |session| session.url.clone())
}

pub(crate) async fn stop(args: &GrainName, client: &Client, output: Output) -> Outcome {
    let grain = find_grain(&args.grain, client).await?;
    let grain: Grain = client.post(&format!("/grains/{}/stop", grain.grain_id)).await?;
    output.say(format_args!("{} is stopped.", plain(&grain.title)));
    output.result(&grain, |_| String::new())
}

pub(crate) async fn restart(args: &GrainName, client: &Client, output: Output) -> Outcome {
    let grain = find_grain(&args.grain, client).await?;
    let grain: Grain = client.post(&format!("/grains/{}/restart", grain.grain_id)).await?;
    output.say(format_args!("{} is started again.", plain(&grain.title)));
    output.result(&grain, |_| String::new())
}

pub(crate) async fn log(args: &Log, client: &Client, output: Output) -> Outcome {
    let grain = find_grain(&args.grain, client).await?;
    let path = format!("/grains/{}/log?backlog={}&follow={}", grain.grain_id, args.backlog, args.follow);
    let body = Empty::new().map_err(|never| match never {}).boxed();
    let response = client.send(hyper::Request::get("/"), &path, body).await?;
    let mut pieces = response.into_body();
    let mut line = Vec::new();
    while let Some(piece) = pieces.frame().await {
        let piece = piece.map_err(|error| lost_failure(&error))?;
        let Ok(bytes) = piece.into_data() else { continue };
        if !output.json {
            write_all(&bytes)?;
            continue;
        }
        for &byte in &bytes {
            if byte == b'\n' {
                log_line(&grain.grain_id, &std::mem::take(&mut line))?;
            } else {
                line.push(byte);
            }
        }
    }
    if line.is_empty() { Ok(()) } else { log_line(&grain.grain_id, &line) }
}

fn log_line(grain_id: &str, line: &[u8]) -> Outcome {
    let value = json!({ "grainId": grain_id, "line": String::from_utf8_lossy(line) });
    write_all(format!("{value}\n").as_bytes())
}

pub(crate) async fn rename(args: &Rename, client: &Client, output: Output) -> Outcome {
    let grain = find_grain(&args.grain, client).await?;
    let patch = GrainPatch { title: args.title.clone() };
    let grain: Grain = client.call(Method::PATCH, &format!("/grains/{}", grain.grain_id), Some(&patch)).await?;
    output.say(format_args!("It is called {} now.", plain(&grain.title)));
    output.result(&grain, |_| String::new())
}

pub(crate) async fn delete(args: &args::Delete, client: &Client, output: Output) -> Outcome {
    let grain = find_grain(&args.grain, client).await?;
    if args.trash {
        let grain: Grain = client.post(&format!("/grains/{}/trash", grain.grain_id)).await?;
        output.say(format_args!("{} is in the trash; `granary restore` takes it out.", plain(&grain.title)));
        return output.result(&grain, |_| String::new());
    }
    client.delete(&format!("/grains/{}", grain.grain_id)).await?;
    output.say(format_args!("{} is deleted.", plain(&grain.title)));
    output.result(&json!({ "grainId": grain.grain_id, "title": grain.title }), |_| String::new())
}

pub(crate) async fn restore(args: &GrainName, client: &Client, output: Output) -> Outcome {
    let grain = find_grain(&args.grain, client).await?;
    let grain: Grain = client.post(&format!("/grains/{}/restore", grain.grain_id)).await?;
    output.say(format_args!("{} is out of the trash.", plain(&grain.title)));
    output.result(&grain, |_| String::new())
}

pub(crate) async fn settings(args: &args::Settings, client: &Client, output: Output) -> Outcome {
    let mut settings: Settings = client.get("/settings").await?;
    if !args.changes.is_empty() {
        let patch = patch(&settings, &args.changes)?;
        settings = client.call(Method::PATCH, "/settings", Some(&patch)).await?;
    }
    output.result(&settings, |settings| {
        let mut rows = Vec::new();
        flatten("", &json!(settings), &mut rows);
        rows.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
    })
}

/// What `KEY=VALUE` texts change; a member of a group of settings takes the others along as they are.
fn patch(settings: &Settings, changes: &[String]) -> Outcome<Value> {
    let now = json!(settings);
    let mut patch = json!({});
    for change in changes {
        let invalid =
            |why: &str| Failure::invalid("bad-setting", format!("{change:?} {why}."), "`granary settings` shows them.");
        let (key, value) = change.split_once('=').ok_or_else(|| invalid("is not KEY=VALUE"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        match key.split_once('.') {
            Some((group, member)) => {
                let known = now.get(group).filter(|known| known.get(member).is_some());
                let known = known.ok_or_else(|| invalid("is no setting"))?;
                let members = patch.as_object_mut().map(|map| map.entry(group).or_insert_with(|| known.clone()));
                if let Some(Value::Object(members)) = members {
                    members.insert(member.to_owned(), value);
                }
            }
            None if now.get(key).is_some() => patch[key] = value,
            None => return Err(invalid("is no setting")),
        }
    }
    Ok(patch)
}

fn flatten(prefix: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&key, member, rows);
            }
        }
        Value::String(text) => rows.push((prefix.to_owned(), plain(text))),
        other => rows.push((prefix.to_owned(), other.to_string())),
    }
}

async fn find_grain(name: &str, client: &Client) -> Outcome<Grain> {
    let grains: Vec<Grain> = client.get("/grains").await?;
    names::grain(name, &grains).cloned()
}

/// Whether a browser could be shown.
pub(crate) fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Starts the person's browser with a URL that nobody else gets to see.
pub(crate) fn open_browser(url: &str, data: &Path) -> Outcome {
    let home = std::env::var_os("HOME").unwrap_or_else(|| "/".into());
    let options = OpenOptions::new(socket::folder(data), home);
    let redirect = browser::open(url, &options)
        .map_err(|error| Failure::failed("browser", sentence(&error), "`granary open --print` prints the address."))?;
    // The browser may read it after this program has ended. What it holds is void in a minute, and the next call
    // deletes it.
    std::mem::forget(redirect);
    Ok(())
}
