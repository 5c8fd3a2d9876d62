// Debian's Chromium and Firefox through one interface, with the owner logged in through the page as the UI does it.
import puppeteer from "puppeteer-core";

const executables = { chromium: "/usr/bin/chromium", firefox: "/usr/bin/firefox-esr" };
export const names = Object.keys(executables);

const quiet = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--disable-features=DialMediaRouteProvider",
];

export function launch(name) {
  return puppeteer.launch({
    browser: name === "firefox" ? "firefox" : "chrome",
    executablePath: executables[name],
    headless: true,
    acceptInsecureCerts: true,
    args: name === "chromium" ? quiet : [],
    extraPrefsFirefox: { "network.dns.disableIPv6": false, "browser.shell.checkDefaultBrowser": false },
  });
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
