//! Measures the vat: calls a second on one core, and another grain's p99 while one floods. `--json` for machines.
//!
//! Needs `granary-launcher` and `granary-test-raw` in `$GRANARY_LIBEXEC` or `target/guest/bin`.

use std::error::Error;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use granary_grain::{
    Command, GrainSource, GrainSpec, Grains, Permissions, Session, SessionRequest, Settings, SourceError, User,
    WebParams, new_grain_id,
};
use granary_sandbox::{Delegation, Launcher, LauncherConfig};
use granary_wire::vat::Vat;
use granary_wire::web_session_capnp::web_session;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Source(PathBuf);

impl GrainSource for Source {
    fn spec(&self, id: &str) -> std::result::Result<GrainSpec, SourceError> {
        Ok(GrainSpec {
            id: id.to_owned(),
            package_dir: self.0.join("package"),
            dir: self.0.join("grains").join(id),
            command: Command { argv: vec!["raw".to_owned()], environ: Vec::new() },
        })
    }
}

fn guest(name: &str) -> Result<PathBuf> {
    let folder = std::env::var_os("GRANARY_LIBEXEC")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest/bin"), PathBuf::from);
    let program = folder.join(name);
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!("{} is missing; `make test-guests` builds it", program.display()).into())
    }
}

/// The processor time the vat's thread has used.
async fn vat_time(vat: &Vat) -> Result<Duration> {
    let time = vat.call(|| async { nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID.now().map(Duration::from) }).await??;
    Ok(time)
}

async fn get(session: &Session, path: String) -> Result<Vec<u8>> {
    let answer = session.client.call(move |client| {
        let mut request = client.get_request();
        request.get().set_path(&path);
        let answer = request.send().promise;
        async move {
            let response = answer.await?;
            match response.get()?.which()? {
                web_session::response::Which::Content(content) => match content.get_body().which()? {
                    web_session::response::content::body::Which::Bytes(bytes) => Ok(bytes?.to_vec()),
                    web_session::response::content::body::Which::Stream(_) => Ok(Vec::new()),
                },
                _ => Err(capnp::Error::failed("no content".to_owned())),
            }
        }
    });
    Ok(answer.await??)
}

fn p99(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() * 99 / 100).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

/// The 99th percentile of a request to a grain, and of an empty job on the vat, in µs.
async fn latencies(vat: &Vat, session: &Session) -> Result<(f64, f64)> {
    let (mut requests, mut turns) = (Vec::new(), Vec::new());
    for _ in 0..3000 {
        let start = Instant::now();
        get(session, "echo".to_owned()).await?;
        requests.push(start.elapsed());
        let start = Instant::now();
        vat.call(|| async {}).await?;
        turns.push(start.elapsed());
    }
    Ok((p99(requests), p99(turns)))
}

#[tokio::main]
async fn main() -> Result<()> {
    let launcher = Launcher::start(&LauncherConfig {
        program: Some(guest("granary-launcher")?),
        prepared: 0,
        delegation: Delegation::default(),
    })?;
    let folder = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o755)).tempdir()?;
    let package = folder.path().join("package");
    for name in ["dev", "tmp", "var", "proc"] {
        std::fs::create_dir_all(package.join(name))?;
    }
    std::fs::copy(guest("granary-test-raw")?, package.join("raw"))?;
    std::fs::create_dir(folder.path().join("grains"))?;
    let source = Arc::new(Source(folder.path().to_owned()));
    let vat = Vat::start()?;
    let grains = Grains::new(vat.clone(), launcher, source.clone(), Settings::default())?;
    let request = SessionRequest {
        user: User { display_name: "B".into(), handle: "b".into(), identity_id: None, permissions: Permissions::Owner },
        params: WebParams::default(),
        tab_id: [0; 16],
    };
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let id = new_grain_id()?;
        grains.create(source.spec(&id)?).await?;
        sessions.push(grains.open_session(&id, request.clone()).await?);
    }
    let [flooder, witness] = sessions.as_slice() else { return Err("two sessions were opened".into()) };

    let calls = 100_000_u32;
    get(flooder, "spam?calls=10000".to_owned()).await?;
    let (before, start) = (vat_time(&vat).await?, Instant::now());
    for _ in 0..calls / 10_000 {
        get(flooder, "spam?calls=10000".to_owned()).await?;
    }
    let (busy, wall) = (vat_time(&vat).await? - before, start.elapsed());

    let (alone, turn_alone) = latencies(&vat, witness).await?;
    get(flooder, "spam-forever?window=5000".to_owned()).await?;
    let (flooded, turn_flooded) = latencies(&vat, witness).await?;
    grains.stop_all().await?;

    let figures = serde_json::json!({
        "callsPerCoreSecond": f64::from(calls) / busy.as_secs_f64(),
        "callsPerSecond": f64::from(calls) / wall.as_secs_f64(),
        "requestP99MicrosAlone": alone,
        "requestP99MicrosFlooded": flooded,
        "vatTurnP99MicrosAlone": turn_alone,
        "vatTurnP99MicrosFlooded": turn_flooded,
    });
    let text = if std::env::args().any(|arg| arg == "--json") {
        figures.to_string()
    } else {
        serde_json::to_string_pretty(&figures)?
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
