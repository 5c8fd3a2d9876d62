// A real Granary with a data folder of its own, driven as a person would: by its command line and its pages.
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const program = process.env.GRANARY ?? path.join(root, "target/debug/granary");
const environment = { ...process.env, GRANARY_LIBEXEC: process.env.GRANARY_LIBEXEC ?? path.join(root, "target/guest/bin") };

export class Granary {
  // Starts and waits until `granary apps` answers.
  static async start({ data, env = {} } = {}) {
    const granary = new Granary();
    granary.home = await mkdtemp(path.join(tmpdir(), "granary-e2e-"));
    granary.data = data ?? path.join(granary.home, "data");
    granary.env = { ...environment, ...env };
    await granary.serve();
    return granary;
  }

  async serve() {
    this.output = "";
    this.process = spawn(program, ["serve", "--data", this.data, ...(this.port ? ["--port", String(this.port)] : [])], {
      env: this.env, stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (text) => (this.output += text));
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    const gone = this.ended.then(() => { throw new Error(`granary ended before it was ready:\n${this.output}`); });
    gone.catch(() => {});
    await Promise.race([gone, until(() => this.cli("apps"), 30_000, () => `granary is not ready:\n${this.output}`)]);
    this.origin = this.output.match(/https:\/\/granary\.localhost:\d+/)[0];
    this.port = Number(new URL(this.origin).port);
  }

  // Runs a command with --json; its answer as a value. A failure carries the exit code and what was said.
  async cli(...args) {
    const { code, stdout, stderr } = await this.run("--json", ...args);
    if (code !== 0) throw Object.assign(new Error(`granary ${args.join(" ")}: exit ${code}\n${stderr}\n${stdout}`), { code, stdout, stderr });
    return stdout.trim() ? JSON.parse(stdout) : null;
  }

  run(...args) {
    return new Promise((resolve) => {
      execFile(program, ["--data", this.data, ...args], { env: this.env, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
        resolve({ code: error ? (typeof error.code === "number" ? error.code : 1) : 0, stdout, stderr }));
    });
  }

  // A one-time URL that logs a browser in as the owner.
  async loginUrl() {
    const { stdout, stderr, code } = await this.run("open", "--print");
    const url = stdout.match(/https:\/\/\S+/)?.[0];
    if (code !== 0 || !url) throw new Error(`granary open: exit ${code}\n${stdout}\n${stderr}`);
    return url;
  }

  // Packs the app whose pages do whatever the path says (`tests/apps/raw`): the package's path. Of the same title, a
  // higher version is an upgrade.
  async packedRaw(title = "Raw", version = 1) {
    const [stage, spk, key] = ["raw", `${title}-${version}.spk`, `${title}.key`].map((name) => path.join(this.home, name));
    await mkdir(stage, { recursive: true });
    await copyFile(path.join(this.env.GRANARY_LIBEXEC, "granary-test-raw"), path.join(stage, "raw"));
    const pack = ["pack", spk, "--from", stage, "--raw", "--title", title, "--noun", "thing", "--app-version", String(version), "--key", key, "--", "/raw"];
    for (const args of [...(existsSync(key) ? [] : [["keygen", key]]), pack]) {
      const { code, stderr } = await this.run("spk", ...args);
      if (code !== 0) throw new Error(`granary spk ${args[0]}: exit ${code}\n${stderr}`);
    }
    return spk;
  }

  async kill(signal = "SIGKILL") {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal);
    await this.ended;
  }

  async stop() {
    await this.kill("SIGTERM");
    await rm(this.home, { recursive: true, force: true });
  }
}

// Waits for `attempt` to succeed with something true; no fixed sleeps anywhere else.
export async function until(attempt, milliseconds, describe) {
  const end = Date.now() + milliseconds;
  let last;
  while (Date.now() < end) {
    try {
      const value = await attempt();
      if (value) return value;
    } catch (e) {
      last = e;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${describe?.() ?? "timed out"}${last ? `\nlast: ${last.message}` : ""}`);
}
