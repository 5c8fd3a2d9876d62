// A person's way through Granary in Chromium (Playwright): first run, install, use, crash, delete and undo, the keyboard, the palette.
import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import path from "node:path";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { Granary, root, until } from "../lib/granary.mjs";
import { call, open } from "../lib/ui.mjs";

let granary, browser, page;

before(async () => {
  granary = await Granary.start();
  ({ browser, page } = await open());
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
  await page.getByRole("button", { name: "New note" }).click();
  await page.waitForURL(/\/grain\//);
  let frame = await inFrame();
  await frame.locator("#status", { hasText: "Saved" }).waitFor();
  await frame.locator("#text").pressSequentially("# Kept\n\nover a stop");
  await frame.locator("#preview h1", { hasText: "Kept" }).waitFor();
  await frame.locator("#status", { hasText: "Saved" }).waitFor();
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
  const consent = page.getByRole("dialog", { name: "Install Raw?" });
  await consent.getByText("No author’s signature.").waitFor();
  assert.equal(await consent.getByRole("button", { name: "Install" }).evaluate((button) => document.activeElement === button), false, "the granting button has no focus");
  // The click waits until the button is armed.
  await consent.getByRole("button", { name: "Install" }).click();
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

test("a package that is cancelled leaves nothing, and one that is none is refused in words", async () => {
  await page.goto(`${granary.origin}/apps`);
  await page.getByLabel("App packages").setInputFiles(await granary.packedRaw("Second"));
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await until(async () => (await call(page, "GET", "/installs")).every((install) => install.state === "installed"), 10_000);
  await page.getByLabel("App packages").setInputFiles({ name: "film.mp4", mimeType: "video/mp4", buffer: Buffer.from("not an app") });
  await page.getByText("film.mp4 is not an app").waitFor();
  await page.getByRole("region", { name: "Installations" }).getByRole("button", { name: "Close" }).first().click();
});

test("an upgrade says what it changes and takes the grains along when asked to", async () => {
  await page.goto(`${granary.origin}/apps`);
  await page.getByLabel("App packages").setInputFiles(await granary.packedRaw("Raw", 2));
  const consent = page.getByRole("dialog", { name: "Upgrade Raw?" });
  await consent.getByText("1 → 2").waitFor();
  await consent.getByLabel(/^Move its/).uncheck();
  await consent.getByRole("button", { name: "Upgrade" }).click();
  await page.getByRole("region", { name: "Installations" }).getByRole("button", { name: "Details" }).click();
  await page.getByRole("button", { name: "Upgrade grains" }).click();
  await page.getByText(/uses? the current version from/).waitFor();
  await page.getByRole("button", { name: "Upgrade grains" }).waitFor({ state: "detached" });
});

test("the list is worked by keyboard alone: walk, pick, throw away, take back, jump", async () => {
  for (const title of ["Alpha", "Beta", "Gamma"]) await granary.cli("new", "Notes", "--title", title);
  await page.goto(`${granary.origin}/grains`);
  await page.getByRole("link", { name: "Gamma" }).waitFor();
  await page.getByRole("button", { name: "Name", exact: true }).click();
  await page.getByRole("searchbox", { name: "Search grains" }).press("ArrowDown");
  const focused = () => page.evaluate(() => document.activeElement?.querySelector("a")?.textContent);
  await until(async () => (await focused()) === "Alpha", 5000);
  await page.keyboard.press("g");
  await until(async () => (await focused()) === "Gamma", 5000, () => "a letter leads to the name that begins with it");
  await page.keyboard.press("Home");
  await page.keyboard.press("Shift+ArrowDown");
  await page.getByText(/^2 selected/).waitFor();
  assert.equal(await page.locator('[role=row][aria-selected="true"]').count(), 2);
  await page.keyboard.press("Delete");
  await page.getByText("2 grains are in the trash").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("role")), "row", "the focus stays in the list");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("link", { name: "Alpha" }).waitFor();
  await until(async () => (await granary.cli("grains")).filter((g) => ["Alpha", "Beta"].includes(g.title) && g.trashed === null).length === 2, 10_000);
  // Ctrl picks one more, Shift all up to there; the box at the head picks all.
  await page.getByRole("link", { name: "Alpha" }).click({ modifiers: ["Control"] });
  await page.getByText(/^1 selected/).waitFor();
  await page.getByRole("link", { name: "Gamma" }).click({ modifiers: ["Shift"] });
  await page.getByText(/^3 selected/).waitFor();
  await page.getByLabel("Select all").click();
  const rows = await page.locator('[role=row][aria-selected]').count();
  assert.equal(await page.locator('[role=row][aria-selected="true"]').count(), rows);
  await page.getByRole("button", { name: "Select none" }).click();
});

test("the palette finds grains and leads everywhere; the question mark lists the keys", async () => {
  await page.goto(`${granary.origin}/grains`);
  await page.getByRole("link", { name: "Gamma" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("gam");
  await page.getByRole("option").first().waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/grain\//);
  await page.goto(`${granary.origin}/apps`);
  await page.getByRole("heading", { name: "Apps", exact: true }).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("certif");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/settings\/certificates/);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("the language and the colours follow the settings at once", async () => {
  await page.goto(`${granary.origin}/settings`);
  await page.getByLabel("Language").selectOption("de");
  await page.getByRole("heading", { name: "Einstellungen" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  await page.getByLabel("Farben").selectOption("dark");
  await until(() => page.evaluate(() => getComputedStyle(document.body).backgroundColor === "rgb(27, 26, 23)"), 5000);
  await page.reload();
  await page.getByRole("heading", { name: "Einstellungen" }).waitFor();
  await call(page, "PATCH", "/settings", { language: "auto", theme: "system" });
  await page.getByRole("heading", { name: "Settings" }).waitFor();
});

test("a grain whose app cannot start says so, and what to do, in the person's language", async () => {
  const raw = (await granary.cli("grains")).find((g) => g.appTitle === "Raw");
  await granary.cli("stop", raw.grainId);
  const place = path.join(granary.data, "apps", raw.packageId);
  await rename(path.join(place, "raw"), path.join(place, "raw.away"));
  await call(page, "PATCH", "/settings", { language: "fr" });
  await page.goto(`${granary.origin}/grain/${raw.grainId}`);
  await page.getByRole("button", { name: "Réessayer" }).waitFor();
  await rename(path.join(place, "raw.away"), path.join(place, "raw"));
  await page.getByRole("button", { name: "Réessayer" }).click();
  await until(async () => (await page.frames().find((f) => f.url().includes("//ui-"))?.content())?.includes("Raw app"), 20_000);
  await call(page, "PATCH", "/settings", { language: "auto" });
});

test("the log is searched and stands alone", async () => {
  const grain = (await granary.cli("grains")).find((g) => g.appTitle === "Raw").grainId;
  await page.goto(`${granary.origin}/log/${grain}`);
  await page.getByRole("heading", { name: /^Log of/ }).waitFor();
  await page.locator(".line").first().waitFor();
  await page.getByPlaceholder("Search the log").fill("zzzz nothing");
  await page.getByText("No line has these words.").waitFor();
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
