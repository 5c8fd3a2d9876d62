//! Compiles the system-call policies into the launcher, so that it cannot run without them.

use std::{env, fmt::Write, fs, path::Path};

use granary_sandbox::policy::{APP, Arch, INIT, Policy};

fn main() {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").map_err(|e| e.to_string()).and_then(|name| Arch::named(&name));
    let arch = arch.unwrap_or_else(|error| panic!("{error}"));
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let mut code = String::new();
    for (name, json) in [("APP", APP), ("INIT", INIT)] {
        let program = Policy::read(json).and_then(|policy| policy.compile(arch));
        let program = program.unwrap_or_else(|error| panic!("policy {name}: {error}"));
        writeln!(code, "pub(crate) static {name}: [libc::sock_filter; {}] = [", program.len())
            .expect("strings take all");
        for i in program {
            let (c, jt, jf, k) = (i.code, i.jt, i.jf, i.k);
            writeln!(code, "libc::sock_filter {{ code: {c}, jt: {jt}, jf: {jf}, k: {k} }},").expect("strings take all");
        }
        code.push_str("];\n");
    }
    fs::write(Path::new(&out).join("filters.rs"), code).expect("OUT_DIR can be written");
}
