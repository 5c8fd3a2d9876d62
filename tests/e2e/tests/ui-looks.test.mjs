// How the pages look, against pictures that people looked at: wide and narrow, light and dark, at half size so that small matters do not count.
// A picture that differs is put beside the difference into target/e2e-screenshots; LOOKS=accept makes what is there the new picture.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { Granary, root } from "../lib/granary.mjs";
import { call, open, settled, shots, walk } from "../lib/ui.mjs";

const kept = path.join(root, "tests/e2e/looks");
/** Of a hundred pixels so many may differ: letters are drawn a little differently from one computer to the next. */
const TOLERATED = 2;
/** What is another one each time: times, sizes, ids, places. */
const VARYING = "[role=gridcell].used, [role=gridcell].size, .also, code, .measure, #port, #display-name, .grains .quiet, .bar [role=status]";
let granary, browser, page;

before(async () => {
  await mkdir(kept, { recursive: true });
  granary = await Granary.start();
  ({ browser, page } = await open({ deviceScaleFactor: 0.5, locale: "en-US", reducedMotion: "reduce" }));
  await page.goto(await granary.loginUrl());
  await page.getByRole("button", { name: "New note" }).waitFor();
});
after(async () => {
  await browser?.close();
  await granary?.stop();
});

async function look(name, differing) {
  for (const [width, height] of [[1280, 800], [400, 800]]) {
    for (const scheme of ["light", "dark"]) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await settled(page);
      const file = `${name}-${width}-${scheme}.png`;
      const picture = await page.screenshot({ mask: [page.locator(VARYING)], maskColor: "#808080", animations: "disabled", caret: "hide" });
      await writeFile(path.join(shots, file), picture);
      const place = path.join(kept, file);
      if (process.env.LOOKS === "accept" || !existsSync(place)) {
        if (process.env.LOOKS !== "accept") differing.push(`${file}: there is no picture of it yet`);
        else await writeFile(place, picture);
        continue;
      }
      const [now, then] = [PNG.sync.read(picture), PNG.sync.read(await readFile(place))];
      if (now.width !== then.width || now.height !== then.height) {
        differing.push(`${file}: ${now.width}×${now.height} in place of ${then.width}×${then.height}`);
        continue;
      }
      const difference = new PNG({ width: now.width, height: now.height });
      const percent = (pixelmatch(then.data, now.data, difference.data, now.width, now.height, { threshold: 0.25 }) / (now.width * now.height)) * 100;
      if (percent > TOLERATED) {
        await writeFile(path.join(shots, file.replace(".png", ".difference.png")), PNG.sync.write(difference));
        differing.push(`${file}: ${percent.toFixed(1)} % differ`);
      }
    }
  }
}

test("the pages look as they did", async () => {
  const differing = [];
  // What this computer lacks is told on some and not on others.
  for (const aside of await page.getByRole("button", { name: /^Put aside/ }).all()) await aside.click();
  await call(page, "DELETE", "/notifications");
  await page.getByText(/^[0-9]+ new$/).waitFor({ state: "detached" });
  await look("welcome", differing);
  for (const title of ["Harvest plan", "Shopping", "Letters to Ada", "Old list"]) {
    await granary.cli("new", "Notes", "--title", title);
    await granary.cli("stop", title);
  }
  await call(page, "POST", `/grains/${(await granary.cli("grains")).find((each) => each.title === "Old list").grainId}/trash`);
  await call(page, "PATCH", "/settings", { tourDone: true });
  await page.goto(`${granary.origin}/grains`);
  await page.getByRole("link", { name: "Shopping" }).waitFor();
  await page.getByRole("button", { name: "Name", exact: true }).click();
  await page.mouse.move(0, 0);
  await look("grains", differing);
  await page.getByLabel("Select Shopping").locator("..").click();
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.activeElement?.blur());
  await look("grains-selected", differing);
  const app = (await granary.cli("apps")).find((each) => each.title === "Notes").appId;
  for (const [name, where] of [["apps", "/apps"], ["app", `/apps/${app}`], ["trash", "/trash"], ["notifications", "/notifications"], ["settings", "/settings"], ["missing", "/nowhere"]]) {
    await walk(page, where);
    await page.locator("h1").first().waitFor({ state: "attached" });
    await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
    await page.evaluate(() => document.activeElement?.blur());
    await look(name, differing);
  }
  await walk(page, "/nowhere");
  await page.keyboard.press("Control+k");
  await page.getByRole("option").first().waitFor();
  await look("palette", differing);
  await page.keyboard.press("Escape");
  await walk(page, "/apps");
  await page.getByLabel("App packages").setInputFiles(await granary.packedRaw());
  await page.getByRole("dialog").getByRole("button", { name: "Install" }).waitFor();
  await page.waitForFunction(() => document.querySelector("dialog[open] .main")?.getAttribute("aria-disabled") === "false");
  await look("consent", differing);
  assert.deepEqual(differing, [], `look at ${shots}; LOOKS=accept tests/e2e.sh makes them the new pictures`);
});
