//! Makes an app of a plain folder: an ordinary web server behind the HTTP bridge, or a program that speaks to Granary itself.

use std::path::{Path, PathBuf};

use super::programs;
use super::tree::{Node, SourceTree};
use crate::manifest::{
    Action, BRIDGE_CONFIG_NAME, BRIDGE_NAME, BridgeConfig, Command, Icon, Icons, LocalizedText, MANIFEST_NAME,
    Manifest, Metadata, PermissionDef, RoleDef, ViewInfo,
};
use crate::{ActionInput, Error};

/// How the bridge's program is called where Granary's programs are.
const BRIDGE_PROGRAM: &str = "granary-http-bridge";

/// What turns a folder into an app. Everything but the command has a sensible default.
#[derive(Debug, Clone, Default)]
pub struct Wrap {
    /// The port that the web server listens on; `None` for a program that speaks Cap'n Proto on descriptor 3.
    pub port: Option<u16>,
    /// The program and its arguments, as seen with the folder as the root.
    pub command: Vec<String>,
    /// The app's name.
    pub title: String,
    /// What one document of the app is called; the app's name when empty.
    pub noun: String,
    /// Must grow with every version.
    pub app_version: u32,
    /// The version as people know it; `app_version` when empty.
    pub marketing_version: String,
    /// A sentence about the app.
    pub description: String,
    /// A picture, the text of an SVG file.
    pub icon: Option<String>,
    /// Variables of the program's environment, besides the usual ones.
    pub environ: Vec<(String, String)>,
    /// Later times of files become this (nanoseconds after 1970).
    pub newest: Option<i64>,
}

impl Wrap {
    /// The tree to pack: the folder's files, a manifest, and for a web server the bridge (the program at `bridge`) with
    /// its configuration.
    pub fn tree(&self, folder: &Path, bridge: Option<&Path>) -> Result<SourceTree, Error> {
        let mut tree = SourceTree::from_folder(folder, self.newest)?;
        let command = self.command();
        let Some(program) = self.command.first() else {
            return Err(Error::Pack("no command is given; write it after --".to_owned()));
        };
        let path = command.environ.iter().find(|(key, _)| key == "PATH").map_or("", |(_, value)| value);
        // The bridge searches the program on PATH; without it the program is executed as it is written.
        programs::check(&tree, program, if self.port.is_some() { path } else { "" })?;
        let action = Action {
            input: ActionInput::None,
            command: command.clone(),
            title: LocalizedText::new(format!("New {}", self.noun())),
            noun_phrase: LocalizedText::new(self.noun()),
            description: LocalizedText::default(),
        };
        let icon = self.icon.as_ref().map(|text| Icon::Svg { text: text.clone() });
        let version = self.app_version.to_string();
        let manifest = Manifest {
            app_title: LocalizedText::new(&self.title),
            app_version: self.app_version,
            app_marketing_version: LocalizedText::new(if self.marketing_version.is_empty() {
                &version
            } else {
                &self.marketing_version
            }),
            actions: vec![action],
            continue_command: command,
            metadata: Metadata {
                icons: Icons { app_grid: icon.clone(), grain: icon, ..Icons::default() },
                short_description: LocalizedText::new(&self.description),
                ..Metadata::default()
            },
            ..Manifest::default()
        };
        tree.insert(MANIFEST_NAME, Node::file(manifest.to_bytes()))?;
        if self.port.is_some() {
            let bridge = bridge.ok_or_else(|| Error::Pack("the HTTP bridge is missing".to_owned()))?;
            tree.insert(BRIDGE_NAME, Node::program(bridge)?)?;
            tree.insert(BRIDGE_CONFIG_NAME, Node::file(bridge_config().to_bytes()))?;
        }
        tree.add_mount_places()?;
        Ok(tree)
    }

    fn noun(&self) -> &str {
        if self.noun.is_empty() { &self.title } else { &self.noun }
    }

    fn command(&self) -> Command {
        let bridge = self.port.map(|port| [format!("/{BRIDGE_NAME}"), port.to_string(), "--".to_owned()]);
        let argv = bridge.into_iter().flatten().chain(self.command.iter().cloned()).collect();
        let mut environ: Vec<(String, String)> = self.environ.clone();
        let usual =
            [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/var"), ("LANG", "C.UTF-8"), ("SANDSTORM", "1")];
        for (key, value) in usual {
            if !environ.iter().any(|(given, _)| given == key) {
                environ.push((key.to_owned(), value.to_owned()));
            }
        }
        Command { argv, environ }
    }
}

/// The roles of an app that says nothing about roles: those who may edit, and those who may only look.
fn bridge_config() -> BridgeConfig {
    let permission = |name: &str, title: &str, description: &str| PermissionDef {
        name: name.to_owned(),
        title: LocalizedText::new(title),
        description: LocalizedText::new(description),
        obsolete: false,
    };
    let role = |title: &str, verb: &str, permissions: &[bool], default| RoleDef {
        title: LocalizedText::new(title),
        verb_phrase: LocalizedText::new(verb),
        description: LocalizedText::default(),
        permissions: permissions.to_vec(),
        obsolete: false,
        default,
    };
    BridgeConfig {
        view_info: ViewInfo {
            permissions: vec![
                permission("view", "view", "May see everything."),
                permission("edit", "edit", "May change everything."),
            ],
            roles: vec![
                role("editor", "can edit", &[true, true], true),
                role("viewer", "can view", &[true, false], false),
            ],
        },
        ..BridgeConfig::default()
    }
}

/// Finds the bridge's program: in `$GRANARY_LIBEXEC`, beside the running program, or in `../lib/granary` from there.
pub fn find_bridge() -> Result<PathBuf, Error> {
    let mut folders: Vec<PathBuf> = std::env::var_os("GRANARY_LIBEXEC").map(PathBuf::from).into_iter().collect();
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        folders.push(folder.to_path_buf());
        folders.push(folder.join("../lib/granary"));
    }
    let places: Vec<_> = folders.iter().map(|folder| folder.join(BRIDGE_PROGRAM)).collect();
    places.iter().find(|place| place.is_file()).cloned().ok_or_else(|| {
        let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
        Error::Pack(format!(
            "the HTTP bridge is not installed (looked for {}); name it with --bridge, or set GRANARY_LIBEXEC to its folder",
            places.join(", ")
        ))
    })
}
