// Builds packages of applications that nobody here wrote, from pinned registry packages and with their runtime inside; kept
// in target/e2e-apps/ until something that they are made of changes. `node apps/build.mjs` builds all of them.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, cp, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { root } from "../lib/granary.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.join(root, "target/e2e-apps");
const program = process.env.GRANARY ?? path.join(root, "target/debug/granary");
const libexec = process.env.GRANARY_LIBEXEC ?? path.join(root, "target/guest/bin");
const run = promisify(execFile);
const exists = (file) => access(file).then(() => true, () => false);

const python = "/usr/bin/python3";

export const applications = {
  radicale: {
    title: "Radicale", noun: "calendar", port: 8000,
    env: ["PYTHONPATH=/app", "PYTHONDONTWRITEBYTECODE=1"],
    command: ["/usr/bin/python3", "-m", "radicale", "--config", "/app/config"],
    runtime: async () => (await run(python, ["-VV"])).stdout,
    async fill(folder, own) {
      const app = path.join(folder, "app");
      const venv = path.join(target, "venv");
      if (!(await exists(path.join(venv, "bin/pip")))) await run(python, ["-m", "venv", venv]);
      const pip = ["install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-deps", "--only-binary=:all:"];
      await run(path.join(venv, "bin/pip"), [...pip, "--no-compile", "--target", app, "--requirement", path.join(own, "requirements.txt")]);
      for (const file of ["config", "bridge_login.py"]) await cp(path.join(own, file), path.join(app, file));
      await run(python, ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", app]);

      const binary = await realpath(python);
      const library = (await run(binary, ["-Ic", "import sysconfig; print(sysconfig.get_path('stdlib'))"])).stdout.trim();
      const unneeded = /\/(config-[^/]*|test|idlelib|lib2to3|tkinter|turtledemo|pydoc_data|ensurepip|sitecustomize\.py|EXTERNALLY-MANAGED)$/;
      await cp(library, path.join(folder, library), {
        recursive: true, preserveTimestamps: true, filter: (name) => !unneeded.test(name),
      });
      const modules = path.join(library, "lib-dynload");
      await place(folder, "/usr/bin/python3", binary);
      await libraries(folder, [binary, ...(await readdir(modules)).map((name) => path.join(modules, name))]);
    },
  },
  "node-red": {
    title: "Node-RED", noun: "flow", port: 8000,
    env: ["NODE_ENV=production", "NODE_RED_DISABLE_EDITOR_TIPS=1"],
    command: ["/usr/bin/node", "/app/node_modules/node-red/red.js", "--settings", "/app/settings.js"],
    runtime: async () => JSON.stringify([process.versions, process.config.variables]),
    async fill(folder, own) {
      const app = path.join(folder, "app");
      for (const file of ["package.json", "package-lock.json", "settings.js"]) await cp(path.join(own, file), path.join(app, file));
      await run("npm", ["ci", "--ignore-scripts", "--omit=optional", "--omit=dev", "--no-audit", "--no-fund", "--silent", "--prefer-offline"], { cwd: app });
      // Never read when the app runs: the inside of its installer (only looked for), type descriptions, and source maps.
      const unread = ["npm/node_modules", "npm/docs", "npm/man", "npm/lib", "@types", "undici-types"];
      await Promise.all(unread.map((name) => rm(path.join(app, "node_modules", name), { recursive: true, force: true })));
      for (const name of await readdir(app, { recursive: true })) if (name.endsWith(".map")) await rm(path.join(app, name));

      const binary = await realpath(process.execPath);
      await place(folder, "/usr/bin/node", binary);
      await run("strip", [path.join(folder, "/usr/bin/node")]);
      // Debian's node reads some of its own modules from here.
      for (const name of ["acorn", "acorn-walk", "cjs-module-lexer", "undici"]) {
        const shared = path.join("/usr/share/nodejs", name);
        if (await exists(shared)) await cp(shared, path.join(folder, shared), { recursive: true, dereference: true });
      }
      await libraries(folder, [binary]);
    },
  },
};

// The file of a ready package; builds it when something that it is made of is not as it was.
export async function packed(name) {
  const app = applications[name];
  const own = path.join(here, name);
  const folder = path.join(target, name);
  const [package_, stamp, key] = ["spk", "stamp", "key"].map((kind) => `${folder}.${kind}`);
  const inputs = createHash("sha256").update(await app.runtime());
  for (const part of [JSON.stringify(app), app.fill, place, libraries]) inputs.update(String(part));
  inputs.update(await readFile(path.join(libexec, "granary-http-bridge")));
  for (const file of (await readdir(own)).sort()) inputs.update(file).update(await readFile(path.join(own, file)));
  const digest = inputs.digest("hex");
  if ((await exists(package_)) && (await readFile(stamp, "utf8").catch(() => "")) === digest) return package_;

  await Promise.all([folder, stamp, key].map((old) => rm(old, { recursive: true, force: true })));
  await mkdir(path.join(folder, "app"), { recursive: true });
  await app.fill(folder, own);
  await run(program, ["spk", "keygen", key]);
  const variables = app.env.flatMap((pair) => ["--env", pair]);
  const options = ["--key", key, "--title", app.title, "--noun", app.noun, "--port", String(app.port)];
  await run(program, ["spk", "pack", `${package_}.new`, "--from", folder, ...options, ...variables, "--", ...app.command], {
    env: { ...process.env, GRANARY_LIBEXEC: libexec },
  });
  await rename(`${package_}.new`, package_);
  await writeFile(stamp, digest);
  await rm(folder, { recursive: true });
  return package_;
}

// One file, links followed, at a place of the package.
async function place(folder, where, file) {
  const to = path.join(folder, where);
  await mkdir(path.dirname(to), { recursive: true });
  await cp(file, to, { dereference: true, preserveTimestamps: true });
}

// The loader and every shared library that the programs need, at the places where the loader looks for them.
async function libraries(folder, programs) {
  const needed = new Set();
  for (const line of (await run("ldd", programs)).stdout.split("\n")) {
    const file = line.match(/(?:=> )?(\/\S+) \(0x/)?.[1];
    if (file) needed.add(file);
    if (/not found/.test(line)) throw new Error(`a library is missing: ${line.trim()}`);
  }
  for (const file of needed) await place(folder, file, file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of Object.keys(applications)) {
    const file = await packed(name);
    console.log(`${file}: ${((await stat(file)).size / 1e6).toFixed(1)} MB`);
  }
}
