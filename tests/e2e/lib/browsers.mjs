// Debian's Chromium and Firefox through one interface, with the owner logged in through the page as the UI does it.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import puppeteer from "puppeteer-core";

const executables = { chromium: "/usr/bin/chromium", firefox: "/usr/bin/firefox-esr" };
export const names = Object.keys(executables);

const quiet = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-features=DialMediaRouteProvider",
];

// With `granary`, the browser trusts its certificates, as after `granary trust install`: only then would it put several hosts on one
// connection. Without, it takes any certificate.
export async function launch(name, granary) {
  const home = granary && (await trusting(granary));
  const browser = await puppeteer.launch({
    browser: name === "firefox" ? "firefox" : "chrome",
    executablePath: executables[name],
    headless: true,
    acceptInsecureCerts: !granary,
    args: name === "chromium" ? quiet : [],
    ...(home && (name === "firefox" ? { userDataDir: path.join(home, "profile") } : { env: { ...process.env, HOME: home } })),
    extraPrefsFirefox: { "network.dns.disableIPv6": false, "browser.shell.checkDefaultBrowser": false },
  });
  // Puppeteer stops reading this pipe once the browser is up. When it is full, Chromium's network process blocks in writing an error
  // line to it (one for each certificate it does not know), and with it every page.
  browser.process().stderr?.resume();
  if (home) browser.process().once("exit", () => rm(home, { recursive: true, force: true }).catch(() => {}));
  return browser;
}

// A folder that is a home for Chromium and holds a profile for Firefox, both trusting this Granary and no system store touched.
async function trusting(granary) {
  const home = await mkdtemp(path.join(tmpdir(), "granary-e2e-home-"));
  const certutil = (folder, ...args) => promisify(execFile)("certutil", [...args, "-d", `sql:${folder}`]);
  for (const folder of [path.join(home, ".pki/nssdb"), path.join(home, "profile")]) {
    await mkdir(folder, { recursive: true });
    await certutil(folder, "-N", "--empty-password");
    await certutil(folder, "-A", "-t", "C,,", "-n", "Granary", "-i", path.join(granary.data, "tls/ca.pem"));
  }
  return home;
}

// A page of the shell origin that holds a login: { page, call(method, path, body) }.
export async function owner(browser, granary) {
  const code = (await granary.loginUrl()).split("#")[1];
  const page = await browser.newPage();
  await page.goto(`${granary.origin}/login`, { waitUntil: "domcontentloaded" });
  const secret = await page.evaluate(async (code) => {
    const answer = await fetch("/api/v1/login", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ code }),
    });
    return (await answer.json()).secret;
  }, code);
  // As the UI does it: a cookie that the browser dropped is fetched back with the secret, once.
  const call = (method, path, body) =>
    page.evaluate(async (method, path, body, secret) => {
      const headers = { "content-type": "application/json", "x-granary-secret": secret };
      const ask = async () => {
        const answer = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
        return { status: answer.status, body: await answer.text() };
      };
      const first = await ask();
      if (first.status !== 401) return first;
      const restored = await fetch("/api/v1/login/restore", { method: "POST", headers });
      return restored.ok ? { ...(await ask()), restored: true } : first;
    }, method, path, body, secret);
  return { page, secret, call };
}

// Opens a grain by itself, as its own page.
export async function open(browser, granary, grain, path = "/") {
  const page = await browser.newPage();
  const { url } = await granary.cli("url", grain);
  await page.goto(url.replace(/path=[^&]*$/, `path=${encodeURIComponent(path)}`), { waitUntil: "load" });
  return page;
}
