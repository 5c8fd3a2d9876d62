// The owner's pages in Chromium: a browser, a login, ways to walk without loading anew, and axe's opinion of what is shown.
import { mkdir } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";
import { root } from "./granary.mjs";

export const shots = path.join(root, "target/e2e-screenshots");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const args = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--font-render-hinting=none", "--force-color-profile=srgb",
];

export async function open(options = {}) {
  await mkdir(shots, { recursive: true });
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(20_000);
  return { browser, context, page: await context.newPage() };
}

// Goes to an address as a link does.
export async function walk(page, address) {
  await page.evaluate((address) => {
    history.pushState(null, "", address);
    dispatchEvent(new PopStateEvent("popstate"));
  }, address);
}

// Calls the API as the page does.
export async function call(page, method, where, body) {
  return page.evaluate(async ([method, where, body]) => {
    const secret = localStorage.getItem(`granary-secret-${location.port}`);
    const headers = { "content-type": "application/json", "x-granary-secret": secret };
    const answer = await fetch(`/api/v1${where}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? null : answer.json();
  }, [method, where, body]);
}

// Waits until a change of size or colours has been drawn, and nothing moves any more.
export async function settled(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let frames = 0; frames < 3; frames += 1) await frame();
    await Promise.all(document.getAnimations().map((each) => each.finished.catch(() => {})));
    await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
    await frame();
  });
}

// What axe finds, and whether the page is too wide.
export async function faults(page, name) {
  const found = [];
  await settled(page);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (overflow > 0) found.push(`${name}: ${overflow} px too wide`);
  // The shell's policy forbids foreign scripts, so axe comes in through the debugger's world.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { iframes: false }));
  found.push(...violations.map((v) => `${name}: ${v.id}: ${v.nodes.map((n) => n.html.slice(0, 200)).slice(0, 3).join(" | ")}`));
  return found;
}
