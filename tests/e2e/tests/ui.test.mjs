// A person's way through Granary in Chromium (Playwright): first run, install, use, crash, delete and undo; every screen looked over by axe.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { Granary, root, until } from "../lib/granary.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const shots = path.join(root, "target/e2e-screenshots");
let granary, browser, context, page;

before(async () => {
  await mkdir(shots, { recursive: true });
  granary = await Granary.start();
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(20_000);
  page = await context.newPage();
});
after(async () => {
  await browser?.close();
  await granary?.stop();
});

const appFrame = () => page.frames().find((frame) => frame.url().includes("//ui-") && !frame.url().includes("_granary-init"));
const inFrame = () => until(appFrame, 20_000, () => "no grain is in its frame");

test("first run leads to a starter app, and what is typed stays", async () => {
  await page.goto(await granary.loginUrl());
  await page.getByRole("heading", { name: "Welcome to Granary" }).waitFor();
  assert.equal(new URL(page.url()).hash, "", "the code does not stay in the address");
  await page.screenshot({ path: path.join(shots, "welcome-1280-light.png") });
  await page.getByRole("button", { name: "New note" }).click();
  await page.waitForURL(/\/grain\//);
  let frame = await inFrame();
  await frame.locator("#status", { hasText: "Saved" }).waitFor();
  await frame.locator("#text").pressSequentially("# Kept\n\nover a stop");
  await frame.locator("#preview h1", { hasText: "Kept" }).waitFor();
  await frame.locator("#status", { hasText: "Saved" }).waitFor();
  await page.screenshot({ path: path.join(shots, "grain-1280-light.png") });
  const address = page.url();
  await page.goto(`${granary.origin}/grains`);
  await page.getByRole("heading", { name: "Grains", exact: true }).waitFor();
  await granary.cli("stop", (await granary.cli("grains"))[0].grainId);
  await page.goto(address);
  frame = await inFrame();
  await frame.waitForFunction(() => document.getElementById("text")?.value === "# Kept\n\nover a stop");
});

test("a package is installed by file, its grain crashes in mid-use and goes on", async () => {
  const spk = await granary.packedRaw();
  await page.goto(`${granary.origin}/apps`);
  await page.getByLabel("App packages").setInputFiles(spk);
  await page.getByRole("region", { name: "Installations" }).getByRole("button", { name: "New thing" }).click();
  await page.waitForURL(/\/grain\//);
  let frame = await until(() => page.frames().find((f) => f.url().includes("//ui-") && f.url().endsWith("/")), 20_000);
  await until(async () => (await frame.content()).includes("Raw app"), 20_000);
  const count = (what) => frame.evaluate(async (what) => (await fetch(`/${what}`)).text(), what);
  assert.equal((await count("count")).trim(), "1");
  await frame.evaluate(() => fetch("/crash?how=abort").then((r) => r.status, () => 0));
  assert.equal((await count("count")).trim(), "2", "the next use starts it again, data kept");
  await page.getByRole("button", { name: "Show the log" }).first().click();
  await page.getByText(/signal|abort|crash/i).first().waitFor();
  await page.keyboard.press("Escape");
});

test("a grain is renamed, found, thrown away and brought back", async () => {
  await page.goto(`${granary.origin}/grains`);
  await page.getByRole("button", { name: /^Rename Untitled Notes note/ }).click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("Harvest plan");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Harvest plan" }).first().waitFor();
  await page.getByRole("searchbox", { name: "Search grains" }).fill("harv pl");
  await until(async () => (await page.getByRole("button", { name: /^Rename / }).count()) === 1, 5000);
  await page.getByRole("button", { name: "Move Harvest plan to the trash" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("button", { name: "Move Harvest plan to the trash" }).waitFor();
  assert.equal((await granary.cli("grains")).filter((g) => g.title === "Harvest plan" && g.trashed === null).length, 1);
});

test("no screen has an accessibility violation, wide or narrow, light or dark", async () => {
  const grain = (await granary.cli("grains")).find((g) => g.title === "Harvest plan").grainId;
  const app = (await granary.cli("apps"))[0].appId;
  const screens = { welcome: "/", apps: "/apps", app: `/apps/${app}`, grains: "/grains", grain: `/grain/${grain}`, trash: "/trash", settings: "/settings", missing: "/nowhere" };
  const found = [];
  for (const [width, height] of [[1280, 800], [400, 800]]) {
    for (const scheme of ["light", "dark"]) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      for (const [name, where] of Object.entries(screens)) {
        await page.goto(`${granary.origin}${where}`);
        await page.locator("h1").first().waitFor({ state: "attached" });
        // The sidebar lists the open grains only once everything has come.
        if (name !== "welcome" && name !== "missing") await page.getByText(/Harvest plan|Files|trash is empty|Your name|thrown away/i).first().waitFor({ state: "attached" });
        if (name === "grain") await (await inFrame()).locator("#status", { hasText: "Saved" }).waitFor();
        await page.screenshot({ path: path.join(shots, `${name}-${width}-${scheme}.png`) });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (overflow > 0) found.push(`${name} ${width} ${scheme}: ${overflow} px too wide`);
        // The shell's policy forbids foreign scripts, so axe comes in through the debugger's world.
        await page.evaluate((await import("node:fs")).readFileSync(axe, "utf8"));
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { iframes: false }));
        found.push(...violations.map((v) => `${name} ${width} ${scheme}: ${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3).join(" | ")}`));
      }
    }
  }
  assert.deepEqual(found, []);
});

test("the appliance goes and comes back, and the page heals itself", async () => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(`${granary.origin}/grains`);
  await page.getByRole("link", { name: "Harvest plan" }).first().waitFor();
  await granary.kill("SIGKILL");
  await page.getByText("Granary does not answer at the moment.").first().waitFor({ timeout: 30_000 });
  await granary.serve();
  await granary.cli("rename", "Harvest plan", "Harvest done");
  await page.getByRole("link", { name: "Harvest done" }).first().waitFor({ timeout: 60_000 });
});

test("the UI's types are made from the API as it is", async () => {
  const document = JSON.parse((await granary.run("openapi")).stdout);
  const committed = createRequire(import.meta.url)(path.join(root, "app-ui/src/api/openapi.json"));
  assert.deepEqual(committed, document, "run: target/debug/granary openapi > app-ui/src/api/openapi.json && cd app-ui && npm run types");
});
