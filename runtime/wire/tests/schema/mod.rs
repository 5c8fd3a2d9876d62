//! Describes compiled schemas in one line for each thing that counts on the wire, so that two of them can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use capnp::message::ReaderOptions;
use capnp::schema_capnp::{annotation, code_generator_request, field, node, type_, value};
use granary_wire::package_capnp::{category_descriptor, osi_license_info};
use granary_wire::web_session_capnp::http_status_descriptor;

/// The id of `StreamResult`, the answer of a method declared `-> stream`.
const STREAM_RESULT: u64 = 0x995f_9a33_77c0_b16e;

/// Where the schemas lie.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").canonicalize().expect("the folder schemas/ exists")
}

/// Describes every schema file of `folder`, as the `capnp` program understands it.
pub(crate) fn describe_folder(folder: &Path) -> BTreeSet<String> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of schemas can be read")
        .map(|entry| entry.expect("the folder of schemas can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "capnp"))
        .collect();
    files.sort();
    // `-o-` writes what every `-o<language>` plug-in is given: the layout that the compiler decided on.
    let output = Command::new("capnp")
        .arg("compile")
        .arg("-o-")
        .arg(format!("--import-path={}", folder.display()))
        .arg(format!("--src-prefix={}", folder.display()))
        .args(&files)
        .env_remove("PWD")
        .output()
        .expect("the program `capnp` runs; install Debian's package capnproto");
    assert!(output.status.success(), "capnp compile: {}", String::from_utf8_lossy(&output.stderr));
    describe(&output.stdout).expect("the compiler's output is a message")
}

/// The lines of a table: what is not empty and does not begin with `#`.
pub(crate) fn lines(table: &str) -> BTreeSet<String> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// What stands in one set only, in the order of the table: `-` what is expected and lacks, `+` what is not expected.
pub(crate) fn difference(expected: &BTreeSet<String>, found: &BTreeSet<String>) -> String {
    expected
        .symmetric_difference(found)
        .map(|line| format!("{} {}\n", if expected.contains(line) { '-' } else { '+' }, line.replace('\t', "  ")))
        .collect()
}

fn describe(request: &[u8]) -> capnp::Result<BTreeSet<String>> {
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(None);
    let message = capnp::serialize::read_message(request, options)?;
    let request: code_generator_request::Reader<'_> = message.get_root()?;
    let mut nodes = BTreeMap::new();
    for node in request.get_nodes()? {
        nodes.insert(node.get_id(), node);
    }
    let mut description = Description { nodes, lines: BTreeSet::new() };
    for file in request.get_requested_files()? {
        description.file(file.get_id())?;
    }
    Ok(description.lines)
}

struct Description<'a> {
    nodes: BTreeMap<u64, node::Reader<'a>>,
    lines: BTreeSet<String>,
}

impl<'a> Description<'a> {
    fn file(&mut self, id: u64) -> capnp::Result<()> {
        let name = self.nodes[&id].get_display_name()?.to_str()?.to_owned();
        self.line("file", id, &[&name])?;
        self.children(id)
    }

    fn children(&mut self, id: u64) -> capnp::Result<()> {
        for nested in self.nodes[&id].get_nested_nodes()? {
            self.node(nested.get_id())?;
            self.children(nested.get_id())?;
        }
        Ok(())
    }

    fn line(&mut self, kind: &str, id: u64, rest: &[&str]) -> capnp::Result<()> {
        self.lines.insert(format!("{id:#018x}\t{kind}\t{}", rest.join("\t")).trim_end().to_owned());
        Ok(())
    }

    /// A name without its file: `WebSession.Response.Header`.
    fn name(&self, id: u64) -> capnp::Result<String> {
        let name = self.nodes[&id].get_display_name()?.to_str()?;
        Ok(name.rsplit_once(':').map_or(name, |(_, name)| name).to_owned())
    }

    fn node(&mut self, id: u64) -> capnp::Result<()> {
        let node = self.nodes[&id];
        let name = self.name(id)?;
        let mut parameters = Vec::new();
        for parameter in node.get_parameters()? {
            parameters.push(parameter.get_name()?.to_str()?.to_owned());
        }
        let parameters = parameters.join(", ");
        match node.which()? {
            node::Struct(details) => {
                let bytes = details.get_data_word_count() * 8;
                let size = format!("{bytes} bytes, {} pointers", details.get_pointer_count());
                self.line("struct", id, &[&name, &parameters, &size])?;
                self.fields(id, id, "")?;
            }
            node::Enum(details) => {
                self.line("enum", id, &[&name])?;
                for (value, enumerant) in details.get_enumerants()?.iter().enumerate() {
                    let mut note = String::new();
                    for annotation in enumerant.get_annotations()? {
                        note += &self.note(annotation)?;
                    }
                    let name = enumerant.get_name()?.to_str()?;
                    self.line("enumerant", id, &[&format!("{value:02}"), name, &note])?;
                }
            }
            node::Interface(details) => {
                let mut supers = Vec::new();
                for superclass in details.get_superclasses()? {
                    supers.push(self.name(superclass.get_id())?);
                }
                self.line("interface", id, &[&name, &parameters, &supers.join(", ")])?;
                for (ordinal, method) in details.get_methods()?.iter().enumerate() {
                    let params = self.signature(method.get_param_struct_type())?;
                    let results = self.signature(method.get_result_struct_type())?;
                    let name = method.get_name()?.to_str()?;
                    self.line("method", id, &[&format!("{ordinal:02}"), name, &params, &results])?;
                }
            }
            node::Const(details) => {
                let of = self.type_name(details.get_type()?)?;
                let value = show(details.get_value()?)?;
                self.line("const", id, &[&name, &of, &value])?;
            }
            node::Annotation(details) => {
                let of = self.type_name(details.get_type()?)?;
                let targets: Vec<&str> = [
                    (details.get_targets_file(), "file"),
                    (details.get_targets_const(), "const"),
                    (details.get_targets_enum(), "enum"),
                    (details.get_targets_enumerant(), "enumerant"),
                    (details.get_targets_struct(), "struct"),
                    (details.get_targets_field(), "field"),
                    (details.get_targets_union(), "union"),
                    (details.get_targets_group(), "group"),
                    (details.get_targets_interface(), "interface"),
                    (details.get_targets_method(), "method"),
                    (details.get_targets_param(), "param"),
                    (details.get_targets_annotation(), "annotation"),
                ]
                .into_iter()
                .filter_map(|(targeted, name)| targeted.then_some(name))
                .collect();
                self.line("annotation", id, &[&name, &of, &targets.join(", ")])?;
            }
            node::File(()) => {}
        }
        Ok(())
    }

    /// The fields of a struct or of a group in it, with those of the groups inside.
    fn fields(&mut self, id: u64, group: u64, prefix: &str) -> capnp::Result<()> {
        let node::Struct(details) = self.nodes[&group].which()? else {
            return Err(capnp::Error::failed(format!("{group:#x} is no struct")));
        };
        let tag_at = details.get_discriminant_offset() * 16;
        for field in details.get_fields()? {
            let name = format!("{prefix}{}", field.get_name()?.to_str()?);
            let tag = match field.get_discriminant_value() {
                field::NO_DISCRIMINANT => String::new(),
                value => format!("tag d{tag_at}:16={value}"),
            };
            match field.which()? {
                field::Slot(slot) => {
                    let of = slot.get_type()?;
                    let place = place(of, slot.get_offset())?;
                    let of = self.type_name(of)? + &self.default(field)?;
                    let field::ordinal::Explicit(ordinal) = field.get_ordinal().which()? else {
                        return Err(capnp::Error::failed(format!("{name} has no ordinal")));
                    };
                    self.line("field", id, &[&format!("@{ordinal:02}"), &name, &of, &place, &tag])?;
                }
                field::Group(inner) => {
                    self.line("field", id, &["group", &name, "", "", &tag])?;
                    self.fields(id, inner.get_type_id(), &format!("{name}."))?;
                }
            }
        }
        Ok(())
    }

    fn default(&self, field: field::Reader<'a>) -> capnp::Result<String> {
        let field::Slot(slot) = field.which()? else { return Ok(String::new()) };
        if !slot.get_had_explicit_default() {
            return Ok(String::new());
        }
        Ok(format!(" = {}", show(slot.get_default_value()?)?))
    }

    /// What a method takes or gives: the name of a struct, or the fields of the one the compiler made for it.
    fn signature(&self, id: u64) -> capnp::Result<String> {
        if id == STREAM_RESULT {
            return Ok("stream".to_owned());
        }
        let node = self.nodes[&id];
        if node.get_scope_id() != 0 {
            return self.name(id);
        }
        let node::Struct(details) = node.which()? else {
            return Err(capnp::Error::failed(format!("{id:#x} is no struct")));
        };
        let mut fields = Vec::new();
        for field in details.get_fields()? {
            let field::Slot(slot) = field.which()? else {
                return Err(capnp::Error::failed("a group among parameters".to_owned()));
            };
            let of = self.type_name(slot.get_type()?)?;
            fields.push(format!("{} :{of}{}", field.get_name()?.to_str()?, self.default(field)?));
        }
        Ok(format!("({})", fields.join(", ")))
    }

    fn type_name(&self, of: type_::Reader<'a>) -> capnp::Result<String> {
        use type_::any_pointer as any;
        Ok(match of.which()? {
            type_::Void(()) => "Void".into(),
            type_::Bool(()) => "Bool".into(),
            type_::Int8(()) => "Int8".into(),
            type_::Int16(()) => "Int16".into(),
            type_::Int32(()) => "Int32".into(),
            type_::Int64(()) => "Int64".into(),
            type_::Uint8(()) => "UInt8".into(),
            type_::Uint16(()) => "UInt16".into(),
            type_::Uint32(()) => "UInt32".into(),
            type_::Uint64(()) => "UInt64".into(),
            type_::Float32(()) => "Float32".into(),
            type_::Float64(()) => "Float64".into(),
            type_::Text(()) => "Text".into(),
            type_::Data(()) => "Data".into(),
            type_::List(list) => format!("List({})", self.type_name(list.get_element_type()?)?),
            type_::Enum(named) => self.name(named.get_type_id())?,
            // Arguments of generics leave no trace on the wire.
            type_::Struct(named) => self.name(named.get_type_id())?,
            type_::Interface(named) => self.name(named.get_type_id())?,
            type_::AnyPointer(pointer) => match pointer.which()? {
                any::Unconstrained(kind) => match kind.which()? {
                    any::unconstrained::Capability(()) => "Capability".into(),
                    _ => "AnyPointer".into(),
                },
                any::Parameter(_) | any::ImplicitMethodParameter(_) => "AnyPointer".into(),
            },
        })
    }

    /// The part of an enumerant's annotation that means something to a machine.
    fn note(&self, annotation: annotation::Reader<'a>) -> capnp::Result<String> {
        let value::Struct(value) = annotation.get_value()?.which()? else { return Ok(String::new()) };
        let name = self.name(annotation.get_id())?;
        Ok(match name.as_str() {
            "httpStatus" => value.get_as::<http_status_descriptor::Reader<'_>>()?.get_id().to_string(),
            "osiInfo" => value.get_as::<osi_license_info::Reader<'_>>()?.get_id()?.to_str()?.to_owned(),
            "categoryInfo" => value.get_as::<category_descriptor::Reader<'_>>()?.get_title()?.to_str()?.to_owned(),
            _ => format!("${name}"),
        })
    }
}

/// Where a field lies: `p2` is the third pointer, `d32:16` are 16 bits from bit 32 of the data section.
fn place(of: type_::Reader<'_>, offset: u32) -> capnp::Result<String> {
    let bits = match of.which()? {
        type_::Void(()) => return Ok(String::new()),
        type_::Bool(()) => 1,
        type_::Int8(()) | type_::Uint8(()) => 8,
        type_::Int16(()) | type_::Uint16(()) | type_::Enum(_) => 16,
        type_::Int32(()) | type_::Uint32(()) | type_::Float32(()) => 32,
        type_::Int64(()) | type_::Uint64(()) | type_::Float64(()) => 64,
        type_::Text(())
        | type_::Data(())
        | type_::List(_)
        | type_::Struct(_)
        | type_::Interface(_)
        | type_::AnyPointer(_) => return Ok(format!("p{offset}")),
    };
    Ok(format!("d{}:{bits}", offset * bits))
}

fn show(value: value::Reader<'_>) -> capnp::Result<String> {
    Ok(match value.which()? {
        value::Uint64(value) => value.to_string(),
        value::Float32(value) => value.to_string(),
        value::Text(value) => format!("{:?}", value?.to_str()?),
        value::Data(value) => value?.iter().map(|byte| format!("{byte:02x}")).collect(),
        // The only lists among the constants are of texts.
        value::List(list) => {
            let mut texts = Vec::new();
            for text in list.get_as::<capnp::text_list::Reader<'_>>()? {
                texts.push(format!("{:?}", text?.to_str()?));
            }
            format!("[{}]", texts.join(", "))
        }
        _ => return Err(capnp::Error::unimplemented("a constant of this type is not described yet".to_owned())),
    })
}
