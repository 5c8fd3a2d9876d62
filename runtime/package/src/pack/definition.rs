//! Package definitions: Cap'n Proto files as Sandstorm's packing tool reads them, usually `sandstorm-pkgdef.capnp`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use capnp::message;
use granary_wire::framing::{self, Limits};
use granary_wire::package_capnp::{bridge_config, manifest, package_definition, source_map};

use super::tree::{Node, SourceTree, names};
use crate::manifest::{BRIDGE_CONFIG_NAME, BRIDGE_NAME, MANIFEST_NAME};
use crate::{AppId, Error, Manifest};

/// The schemas that a definition imports as `/sandstorm/….capnp`.
const SCHEMAS: [(&str, &str); 15] = [
    ("capnp/stream.capnp", include_str!("../../../../schemas/capnp/stream.capnp")),
    ("sandstorm/activity.capnp", include_str!("../../../../schemas/activity.capnp")),
    ("sandstorm/api-session.capnp", include_str!("../../../../schemas/api-session.capnp")),
    ("sandstorm/email.capnp", include_str!("../../../../schemas/email.capnp")),
    ("sandstorm/grain.capnp", include_str!("../../../../schemas/grain.capnp")),
    ("sandstorm/hack-session.capnp", include_str!("../../../../schemas/hack-session.capnp")),
    ("sandstorm/identity.capnp", include_str!("../../../../schemas/identity.capnp")),
    ("sandstorm/ip.capnp", include_str!("../../../../schemas/ip.capnp")),
    ("sandstorm/package.capnp", include_str!("../../../../schemas/package.capnp")),
    ("sandstorm/persistence.capnp", include_str!("../../../../schemas/persistence.capnp")),
    ("sandstorm/powerbox.capnp", include_str!("../../../../schemas/powerbox.capnp")),
    ("sandstorm/sandstorm-http-bridge.capnp", include_str!("../../../../schemas/http-bridge.capnp")),
    ("sandstorm/util.capnp", include_str!("../../../../schemas/util.capnp")),
    ("sandstorm/web-publishing.capnp", include_str!("../../../../schemas/web-publishing.capnp")),
    ("sandstorm/web-session.capnp", include_str!("../../../../schemas/web-session.capnp")),
];

/// Pictures are part of a definition, so it may be large.
const LIMIT: usize = 64 << 20;

/// A package definition.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The app it says it defines.
    pub app_id: Option<AppId>,
    /// The manifest, unless it comes from a file in the package.
    pub manifest: Option<Manifest>,
    /// The bytes of the manifest's file: more than [`Manifest`] knows may be in them.
    manifest_bytes: Option<Vec<u8>>,
    bridge_config_bytes: Option<Vec<u8>>,
    mappings: Vec<Mapping>,
    file_list: Option<PathBuf>,
    always_include: Vec<String>,
    /// What relative paths are relative to.
    folder: PathBuf,
}

/// A folder of this computer that appears in the package.
#[derive(Debug, Clone)]
struct Mapping {
    package_path: Vec<Vec<u8>>,
    source: PathBuf,
    hidden: Vec<Vec<Vec<u8>>>,
}

impl Definition {
    /// Reads the constant `name` (usually `pkgdef`) of a definition file. This needs the program `capnp`.
    pub fn read(path: &Path, name: &str) -> Result<Self, Error> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        if !path.is_file() {
            return Err(Error::Pack(format!(
                "{} is not there; `granary spk init` writes one, or pack a plain folder with --from",
                path.display()
            )));
        }
        Self::from_message(&evaluate(path, name)?, folder)
            .map_err(|error| Error::Pack(format!("{} cannot be understood: {error}", path.display())))
    }

    fn from_message(bytes: &[u8], folder: PathBuf) -> Result<Self, Box<dyn std::error::Error>> {
        let (message, _) = framing::read(bytes, &Limits::of_bytes(LIMIT))?;
        let root = message.get_root::<package_definition::Reader<'_>>()?;
        let id = root.get_id()?.to_str()?;
        let manifest_bytes = if root.has_manifest() { Some(copy_manifest(root.get_manifest()?)?) } else { None };
        let bridge_config_bytes =
            if root.has_bridge_config() { Some(copy_bridge_config(root.get_bridge_config()?)?) } else { None };
        let mut mappings = Vec::new();
        for mapping in root.get_source_map()?.get_search_path()? {
            mappings.push(read_mapping(mapping, &folder)?);
        }
        let list = root.get_file_list()?.to_str()?;
        let mut always_include = Vec::new();
        for path in root.get_always_include()? {
            always_include.push(path?.to_str()?.to_owned());
        }
        Ok(Self {
            app_id: if id.is_empty() { None } else { Some(id.parse()?) },
            manifest: manifest_bytes.as_deref().map(Manifest::from_bytes).transpose()?,
            manifest_bytes,
            bridge_config_bytes,
            mappings,
            file_list: (!list.is_empty()).then(|| folder.join(list)),
            always_include,
            folder,
        })
    }

    /// The folder that the definition's paths are relative to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The tree to pack. `bridge` finds the HTTP bridge, and is only called when the app wants it. Times of files
    /// later than `newest` become that.
    pub fn tree(
        &self,
        bridge: impl FnOnce() -> Result<PathBuf, Error>,
        newest: Option<i64>,
    ) -> Result<SourceTree, Error> {
        let mut tree = SourceTree::new();
        if let Some(list) = &self.file_list {
            let text = fs::read_to_string(list).map_err(Error::io("cannot read the list of files", list))?;
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
                self.add(&mut tree, line, false, newest)?;
            }
        }
        for path in &self.always_include {
            self.add(&mut tree, path, true, newest)?;
        }
        if let Some(bytes) = &self.manifest_bytes {
            tree.insert(MANIFEST_NAME, Node::file(bytes.clone()))?;
        }
        if self.wants_bridge() {
            tree.insert(BRIDGE_NAME, Node::program(&bridge()?)?)?;
            let config = self.bridge_config_bytes.clone().unwrap_or_else(|| crate::BridgeConfig::default().to_bytes());
            tree.insert(BRIDGE_CONFIG_NAME, Node::file(config))?;
        }
        tree.add_mount_places()?;
        Ok(tree)
    }

    fn wants_bridge(&self) -> bool {
        let program = self.manifest.as_ref().and_then(|manifest| manifest.continue_command.argv.first());
        let names = ["/sandstorm-http-bridge", "./sandstorm-http-bridge", "sandstorm-http-bridge"];
        self.bridge_config_bytes.is_some() || program.is_some_and(|program| names.contains(&program.as_str()))
    }

    /// Adds what is at a path of the package, with all below it if `all`.
    fn add(&self, tree: &mut SourceTree, path: &str, all: bool, newest: Option<i64>) -> Result<(), Error> {
        let names: Vec<Vec<u8>> = names(path)?.into_iter().map(<[u8]>::to_vec).collect();
        if names.is_empty() {
            // The whole package.
            for name in self.children(&names)? {
                self.add_below(tree, &[name], newest)?;
            }
            return Ok(());
        }
        if all {
            return self.add_below(tree, &names, newest);
        }
        let Some((source, metadata)) = self.find(&names) else { return Err(self.missing(&names)) };
        tree.insert(&text(&names)?, Node::from_file(&source, &metadata, newest)?)
    }

    fn add_below(&self, tree: &mut SourceTree, names: &[Vec<u8>], newest: Option<i64>) -> Result<(), Error> {
        let children = self.children(names)?;
        let node = match self.find(names) {
            Some((source, metadata)) => Node::from_file(&source, &metadata, newest)?,
            None if children.is_empty() => return Err(self.missing(names)),
            // A folder that only leads to where something is mapped.
            None => Node::Folder { tree: SourceTree::new(), modified: 0 },
        };
        let is_folder = matches!(node, Node::Folder { .. });
        tree.insert(&text(names)?, node)?;
        if is_folder {
            for child in children {
                self.add_below(tree, &[names, &[child]].concat(), newest)?;
            }
        }
        Ok(())
    }

    /// What stands at a path: the first mapping that has something there counts.
    fn find(&self, names: &[Vec<u8>]) -> Option<(PathBuf, fs::Metadata)> {
        self.mappings.iter().find_map(|mapping| {
            let rest = names.strip_prefix(mapping.package_path.as_slice())?;
            let path = mapping.path(rest);
            let metadata = fs::symlink_metadata(&path).ok()?;
            match mapping.hides(rest) {
                Hidden::No => Some((path, metadata)),
                // Hidden folders are still there, empty; Sandstorm's tool leaves the places for mounting this way.
                Hidden::Itself if metadata.is_dir() => Some((path, metadata)),
                Hidden::Itself | Hidden::Above => None,
            }
        })
    }

    /// The names in a folder of the package, of all mappings together.
    fn children(&self, names: &[Vec<u8>]) -> Result<BTreeSet<Vec<u8>>, Error> {
        use std::os::unix::ffi::OsStringExt as _;
        let mut children = BTreeSet::new();
        for mapping in &self.mappings {
            if let Some(rest) = names.strip_prefix(mapping.package_path.as_slice()) {
                let path = mapping.path(rest);
                // Links to folders are links, not folders.
                let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir() || rest.is_empty());
                if !is_folder || !matches!(mapping.hides(rest), Hidden::No) {
                    continue;
                }
                for entry in fs::read_dir(&path).map_err(Error::io("cannot read", &path))? {
                    let name = entry.map_err(Error::io("cannot read", &path))?.file_name().into_vec();
                    let below = [rest, std::slice::from_ref(&name)].concat();
                    let is_folder = || mapping.path(&below).symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
                    if matches!(mapping.hides(&below), Hidden::No) || is_folder() {
                        children.insert(name);
                    }
                }
            } else if let Some([next, ..]) = mapping.package_path.strip_prefix(names) {
                children.insert(next.clone());
            }
        }
        Ok(children)
    }

    fn missing(&self, names: &[Vec<u8>]) -> Error {
        let places: Vec<_> = self
            .mappings
            .iter()
            .filter_map(|mapping| Some(mapping.path(names.strip_prefix(mapping.package_path.as_slice())?)))
            .map(|path| path.display().to_string())
            .collect();
        let path = text(names).unwrap_or_default();
        Error::Pack(if places.is_empty() {
            format!("the definition wants {path} in the package, and its sourceMap maps nothing there; add a mapping")
        } else {
            format!(
                "the definition wants {path} in the package, and it is not there (looked for {})",
                places.join(", ")
            )
        })
    }
}

enum Hidden {
    No,
    Itself,
    Above,
}

impl Mapping {
    fn path(&self, rest: &[Vec<u8>]) -> PathBuf {
        use std::os::unix::ffi::OsStrExt as _;
        let mut path = self.source.clone();
        path.extend(rest.iter().map(|name| std::ffi::OsStr::from_bytes(name)));
        path
    }

    fn hides(&self, rest: &[Vec<u8>]) -> Hidden {
        if self.hidden.iter().any(|hidden| hidden == rest) {
            Hidden::Itself
        } else if self.hidden.iter().any(|hidden| rest.starts_with(hidden)) {
            Hidden::Above
        } else {
            Hidden::No
        }
    }
}

fn text(names: &[Vec<u8>]) -> Result<String, Error> {
    let names = names.iter().map(|name| String::from_utf8(name.clone())).collect::<Result<Vec<_>, _>>();
    names.map(|names| names.join("/")).map_err(|error| {
        let name = String::from_utf8_lossy(error.as_bytes()).into_owned();
        Error::Pack(format!("the file name {name:?} is not UTF-8; rename the file"))
    })
}

fn read_mapping(
    mapping: source_map::mapping::Reader<'_>,
    folder: &Path,
) -> Result<Mapping, Box<dyn std::error::Error>> {
    let path = |text: &str| Ok::<_, Error>(names(text)?.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
    let mut hidden = Vec::new();
    for text in mapping.get_hide_paths()? {
        hidden.push(path(text?.to_str()?)?);
    }
    Ok(Mapping {
        package_path: path(mapping.get_package_path()?.to_str()?)?,
        source: folder.join(mapping.get_source_path()?.to_str()?),
        hidden,
    })
}

/// A message of its own. Whatever the definition says is kept, known here or not.
fn copy_manifest(manifest: manifest::Reader<'_>) -> capnp::Result<Vec<u8>> {
    let mut message = message::Builder::new_default();
    message.set_root(manifest)?;
    Ok(framing::to_bytes(&message))
}

fn copy_bridge_config(config: bridge_config::Reader<'_>) -> capnp::Result<Vec<u8>> {
    let mut message = message::Builder::new_default();
    message.set_root(config)?;
    Ok(framing::to_bytes(&message))
}

/// Has the Cap'n Proto compiler compute the constant.
fn evaluate(path: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let imports = tempfile::tempdir().map_err(Error::io("cannot make a folder in", std::env::temp_dir()))?;
    for (file, content) in SCHEMAS {
        let file = imports.path().join(file);
        let write = || -> io::Result<()> {
            fs::create_dir_all(file.parent().unwrap_or(imports.path()))?;
            fs::write(&file, content)
        };
        write().map_err(Error::io("cannot write", &file))?;
    }
    let mut import = std::ffi::OsString::from("-I");
    import.push(imports.path());
    // An inherited PWD that is not true any more makes capnp complain.
    let mut capnp = Command::new("capnp");
    let output = capnp.env_remove("PWD").arg("eval").arg(import).arg("--binary").arg("--").arg(path).arg(name).output();
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Pack(
            "a package definition needs the program capnp; install it (on Debian: sudo apt install capnproto), or pack a \
             plain folder with --from, which needs no definition"
                .to_owned(),
        ),
        _ => Error::Io { what: "cannot run", path: "capnp".into(), source: error },
    })?;
    if !output.status.success() {
        return Err(Error::Pack(format!(
            "{} is not a valid definition:\n{}",
            path.display(),
            String::from_utf8_lossy(&output.stderr).trim_end()
        )));
    }
    Ok(output.stdout)
}

/// A definition to start from, for the app `id` whose program is started by `command`; `port` when that is a web server.
pub fn starting_definition(id: AppId, title: &str, command: &[String], port: Option<u16>) -> String {
    let quoted = |text: &str| {
        let mut quoted = String::from("\"");
        for character in text.chars() {
            match character {
                '"' | '\\' => {
                    quoted.push('\\');
                    quoted.push(character);
                }
                '\n' => quoted.push_str("\\n"),
                other => quoted.push(other),
            }
        }
        quoted + "\""
    };
    let bridge = port.map(|port| ["/sandstorm-http-bridge".to_owned(), port.to_string(), "--".to_owned()]);
    let argv: Vec<_> = bridge.into_iter().flatten().chain(command.iter().cloned()).map(|text| quoted(&text)).collect();
    let file_id = u64::from_be_bytes(std::array::from_fn(|index| id.as_bytes()[index])) | 1 << 63;
    TEMPLATE
        .replace("%BRIDGE%", if port.is_some() { BRIDGE_TEMPLATE } else { "" })
        .replace("%FILE_ID%", &format!("{file_id:#018x}"))
        .replace("%APP_ID%", &id.to_string())
        .replace("%TITLE%", &quoted(title))
        .replace("%NEW%", &quoted(&format!("New {title}")))
        .replace("%ARGV%", &argv.join(", "))
}

const TEMPLATE: &str = r#"@%FILE_ID%;
# What goes into the package of this app, and what the app says about itself. `granary spk pack` reads it.

using Spk = import "/sandstorm/package.capnp";

const pkgdef :Spk.PackageDefinition = (
  id = "%APP_ID%",
  # The app's public key. Whoever has the secret half can publish new versions of the app, so keep a copy of it.

  manifest = (
    appTitle = (defaultText = %TITLE%),
    appVersion = 1,
    # Must grow with every version that you give to anybody.

    appMarketingVersion = (defaultText = "1.0"),
    # The version as people know it.

    actions = [
      ( title = (defaultText = %NEW%),
        nounPhrase = (defaultText = %TITLE%),
        # What one document of the app is called.
        command = .start )
    ],
    continueCommand = .start,
    # How to start the app for a document that exists already.

    metadata = (
      # icons = (
      #   appGrid = (svg = embed "icons/grid.svg"),
      #   grain = (svg = embed "icons/grain.svg") ),
      # website = "https://example.com/",
      # codeUrl = "https://example.com/source",
      # license = (openSource = apache2),
      # categories = [office],
      # author = (contactEmail = "you@example.com"),
      # shortDescription = (defaultText = "One sentence"),
    ),
  ),

  sourceMap = (
    # Which folders of this computer appear in the package; the first one that has a file counts.
    searchPath = [
      ( sourcePath = "app" ),
      # Everything in the folder `app` beside this file is at the root of the package.

      # ( sourcePath = "/", packagePath = "", hidePaths = ["home", "proc", "sys", "etc/passwd", "etc/hosts"] )
      # Take what is missing from this computer.
    ]
  ),

  # fileList = "sandstorm-files.list",
  # A file with the names of the files to pack, one a line.

  alwaysInclude = ["."],
  # Files and folders to pack with all that is in them. "." is everything that the source map shows.
%BRIDGE%);

const start :Spk.Manifest.Command = (
  argv = [%ARGV%],
  # The program and its arguments. Nothing but the package, /var (the document's data), /tmp and /dev is there.

  environ = [
    # The complete environment.
    (key = "PATH", value = "/usr/local/bin:/usr/bin:/bin"),
    (key = "HOME", value = "/var"),
    (key = "SANDSTORM", value = "1"),
  ]
);
"#;

const BRIDGE_TEMPLATE: &str = r#"
  bridgeConfig = (
    viewInfo = (
      permissions = [
        # The app finds the names of those that a visitor has in the header X-Sandstorm-Permissions.
        (name = "view", title = (defaultText = "view"), description = (defaultText = "May see everything.")),
        (name = "edit", title = (defaultText = "edit"), description = (defaultText = "May change everything.")),
      ],
      roles = [
        # What a person can be given; one true or false for each permission.
        ( title = (defaultText = "editor"), verbPhrase = (defaultText = "can edit"),
          permissions = [true, true], default = true ),
        ( title = (defaultText = "viewer"), verbPhrase = (defaultText = "can view"),
          permissions = [true, false] ),
      ]
    ),
    # apiPath = "/api/",
    # Where the app's API begins, for programs instead of browsers.
  )
"#;
