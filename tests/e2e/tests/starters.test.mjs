// The starter apps in Chromium: a note that two people edit, kept over a stop and a kill; files uploaded, deleted, brought back.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { launch, open } from "../lib/browsers.mjs";
import { Granary, until } from "../lib/granary.mjs";

let granary, browser;
before(async () => {
  granary = await Granary.start();
  browser = await launch("chromium");
});
after(async () => {
  await browser?.close();
  await granary?.stop();
});

const saved = (page) => page.waitForFunction(() => document.getElementById("status").textContent === "Saved");
const text = (page) => page.$eval("#text", (field) => field.value);

test("a note is edited by two at once and survives everything", async () => {
  const { grainId } = await granary.cli("new", "Notes");
  const [ann, ben] = [await open(browser, granary, grainId), await open(browser, granary, grainId)];
  await saved(ann);
  await saved(ben);
  await ann.type("#text", "# Hello");
  await ben.waitForFunction(() => document.getElementById("text").value === "# Hello");
  // Both type at the same time, at both ends.
  await ben.$eval("#text", (field) => field.setSelectionRange(0, 0));
  await Promise.all([ann.type("#text", "\n\nfrom ann"), ben.type("#text", "ben was here\n\n")]);
  await until(async () => (await text(ann)) === (await text(ben)) && (await text(ann)).includes("from ann") && (await text(ann)).includes("ben was here"), 10_000);
  await saved(ann);
  await saved(ben);
  await ann.waitForSelector("#preview h1");
  const written = await text(ann);

  // Stopped: the open page starts it again and goes on.
  await granary.cli("stop", grainId);
  await ann.$eval("#text", (field) => field.setSelectionRange(field.value.length, field.value.length));
  await ann.type("#text", " and more");
  await ben.waitForFunction((expected) => document.getElementById("text").value === expected, { timeout: 20_000 }, `${written} and more`);
  await saved(ann);

  // The whole appliance killed.
  await Promise.all([ann.close(), ben.close()]);
  await granary.kill("SIGKILL");
  await granary.serve();
  const again = await open(browser, granary, grainId);
  await again.waitForFunction((expected) => document.getElementById("text").value === expected, {}, `${written} and more`);
  await again.close();
});

test("files are uploaded, listed, fetched, deleted and brought back", async () => {
  const { grainId } = await granary.cli("new", "Files");
  const page = await open(browser, granary, grainId);
  await page.waitForFunction(() => !document.getElementById("add").hidden);
  const big = path.join(granary.home, "big file.bin");
  const bytes = randomBytes(24 << 20);
  await writeFile(big, bytes);
  const small = path.join(granary.home, "note.txt");
  await writeFile(small, "a small text");
  await (await page.$("#pick")).uploadFile(big, small);
  await page.waitForFunction(() => document.querySelectorAll("#list tr").length === 2 && !document.querySelector("#uploads li"), { timeout: 60_000 });
  const digest = await page.evaluate(async () => {
    const answer = await fetch("file/big%20file.bin");
    if (!/attachment/.test(answer.headers.get("content-disposition"))) return "shown";
    const hash = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
    return [...new Uint8Array(hash)].map((b) => b.toString(16).padStart(2, "0")).join("");
  });
  assert.equal(digest, createHash("sha256").update(bytes).digest("hex"));
  await page.evaluate(() => [...document.querySelectorAll("#list .name")].find((b) => b.textContent === "note.txt").click());
  await page.waitForFunction(() => document.querySelector("#preview pre")?.textContent === "a small text");
  await page.click("#preview-close");
  await page.click('[aria-label="Delete note.txt"]');
  await page.waitForFunction(() => document.querySelectorAll("#list tr").length === 1);
  await page.click("#undo button");
  await page.waitForFunction(() => document.querySelectorAll("#list tr").length === 2);
  await page.close();
});

test("two grains and two instances know nothing of each other", async () => {
  const other = await Granary.start({});
  try {
    assert.notEqual(other.port, granary.port);
    const [a, b] = [await granary.cli("new", "Notes", "--title", "a"), await granary.cli("new", "Notes", "--title", "b")];
    const first = await open(browser, granary, a.grainId);
    await saved(first);
    await first.type("#text", "only in a");
    await saved(first);
    const second = await open(browser, granary, b.grainId);
    await saved(second);
    assert.equal(await text(second), "");
    const theirs = await open(browser, other, (await other.cli("new", "Notes")).grainId);
    await saved(theirs);
    assert.equal(await text(theirs), "");
    // The first instance's session still works beside the other's in the same browser.
    await first.reload();
    await first.waitForFunction(() => document.getElementById("text").value === "only in a");
    assert.deepEqual((await other.cli("grains")).length, 1);
  } finally {
    await other.stop();
  }
});
