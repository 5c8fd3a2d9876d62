// Applications that nobody here wrote, packed from pinned registry packages with their runtime: installed, used in Chromium, kept
// over a stop, and opened again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { packed } from "../apps/build.mjs";
import { launch, open } from "../lib/browsers.mjs";
import { Granary, until } from "../lib/granary.mjs";

let granary, browser;
// Packing from nothing downloads and compresses two runtimes; what is packed is kept.
before(async () => {
  for (const name of ["radicale", "node-red"]) await packed(name);
  granary = await Granary.start();
  browser = await launch("chromium");
}, { timeout: 900_000 });
after(async () => {
  await browser?.close();
  await granary?.stop();
});

// A new grain of the application, and steps that fail with what the application said.
async function grain(name, steps) {
  const { appId } = await granary.cli("install", await packed(name));
  const { grainId } = await granary.cli("new", appId);
  try {
    await steps(grainId);
  } catch (error) {
    error.message += `\n--- the log of ${name}:\n${(await granary.run("log", grainId)).stdout.slice(-6000)}`;
    throw error;
  }
}

// fetch in the page.
const ask = (page, method, path, { body, headers } = {}) =>
  page.evaluate(async (method, path, body, headers) => {
    const answer = await fetch(path, { method, body, headers });
    return { status: answer.status, etag: answer.headers.get("etag"), type: answer.headers.get("content-type"), text: await answer.text() };
  }, method, path, body, headers);

const event = [
  "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//harvest//EN", "BEGIN:VEVENT", "UID:harvest", "DTSTAMP:20260901T080000Z", "DTSTART:20260921T060000Z",
  "DTEND:20260921T180000Z", "SUMMARY:Harvest – the whole village", "END:VEVENT", "END:VCALENDAR", "",
].join("\r\n");
const query = `<?xml version="1.0"?><C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/><C:calendar-data/></D:prop>
  <C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260921T000000Z" end="20260922T000000Z"/></C:comp-filter>
  </C:comp-filter></C:filter></C:calendar-query>`;

const xml = { "content-type": "application/xml; charset=utf-8" };
const calendar = `<?xml version="1.0"?><mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>
  <resourcetype><collection/><C:calendar/></resourcetype><displayname>Field work – autumn</displayname></prop></set></mkcol>`;
const names = `<?xml version="1.0"?><propfind xmlns="DAV:"><prop><displayname/><current-user-principal/></prop></propfind>`;

test("Radicale keeps a calendar and its event", async () => {
  await grain("radicale", async (grainId) => {
    const opened = async () => {
      const page = await open(browser, granary, grainId);
      // Its scripts have run.
      await page.waitForSelector("#loginscene:not(.hidden)");
      return page;
    };
    const page = await opened();
    const top = await ask(page, "PROPFIND", "/", { body: names, headers: { ...xml, depth: "0" } });
    assert.equal(top.status, 207);
    const home = top.text.match(/<current-user-principal><href>([^<]+)/)[1];
    assert.match(home, /^\/[0-9a-f]{32}\/$/, "the bridge says who comes");

    assert.equal((await ask(page, "MKCOL", `${home}work/`, { body: calendar, headers: xml })).status, 201);
    assert.equal((await ask(page, "MKCOL", "/somebody-else/work/", { body: calendar, headers: xml })).status, 403);
    const put = (headers) => ask(page, "PUT", `${home}work/harvest.ics`, { body: event, headers: { "content-type": "text/calendar", ...headers } });
    const first = await put({ "if-none-match": "*" });
    assert.equal(first.status, 201);
    assert.equal((await put({ "if-match": '"another"' })).status, 412);
    await page.close();

    await granary.cli("stop", grainId);
    const later = await opened();
    const listed = await ask(later, "PROPFIND", home, { body: names, headers: { ...xml, depth: "1" } });
    assert.match(listed.text, /<displayname>Field work – autumn</);
    const got = await ask(later, "GET", `${home}work/harvest.ics`);
    assert.equal(got.status, 200);
    assert.match(got.type, /^text\/calendar/);
    assert.match(got.text, /SUMMARY:Harvest – the whole village\r\n/);
    assert.equal(got.etag, first.etag);
    const found = await ask(later, "REPORT", `${home}work/`, { body: query, headers: { ...xml, depth: "1" } });
    assert.equal(found.status, 207);
    assert.match(found.text, /Harvest – the whole village/);
    assert.equal((await ask(later, "DELETE", `${home}work/harvest.ics`, { headers: { "if-match": got.etag } })).status, 200);
    assert.equal((await ask(later, "GET", `${home}work/harvest.ics`)).status, 404);
    await later.close();
  });
});

const flow = [
  { id: "f1", type: "tab", label: "Silo" },
  { id: "a1", type: "http in", z: "f1", name: "", url: "/silo", method: "get", x: 120, y: 100, wires: [["b1"]] },
  { id: "b1", type: "function", z: "f1", name: "count", x: 300, y: 100, wires: [["c1", "d1"]], outputs: 1,
    func: "const n = (flow.get('n') || 0) + 1;\nflow.set('n', n);\nmsg.payload = `filled ${n} times`;\nreturn msg;" },
  { id: "c1", type: "http response", z: "f1", name: "", x: 480, y: 80, wires: [] },
  { id: "d1", type: "debug", z: "f1", name: "seen", active: true, tosidebar: true, complete: "payload", targetType: "msg", x: 480, y: 140, wires: [] },
];

test("Node-RED keeps a flow, runs it, and tells the page live", async () => {
  await grain("node-red", async (grainId) => {
    const editor = async () => {
      const page = await open(browser, granary, grainId);
      await page.waitForFunction(() => window.RED?.workspaces?.count?.() > 0 && document.getElementById("red-ui-loading-progress")?.style.display === "none");
      return page;
    };
    const labels = (page) => page.evaluate(() => RED.nodes.getWorkspaceOrder().map((id) => RED.nodes.workspace(id).label));

    // Node-RED answers before its flows have started: not found, for a moment.
    const reached = (page) => until(async () => {
      const answer = await ask(page, "GET", "/silo");
      return answer.status === 200 && answer.text;
    }, 10_000, () => "the flow does not answer");

    const page = await editor();
    await page.evaluate((flow) => RED.view.importNodes(flow, { generateIds: false, addFlow: false, notify: false }), flow);
    await page.waitForSelector("#red-ui-header-button-deploy:not(.disabled)");
    await page.click("#red-ui-header-button-deploy");
    await page.waitForSelector("#red-ui-header-button-deploy.disabled");
    assert.ok((await labels(page)).includes("Silo"));
    assert.equal(await reached(page), "filled 1 times");
    // The debug node's word comes over the WebSocket, once that is connected.
    const told = async (page) => {
      const count = () => page.$$eval(".red-ui-debug-msg", (all) => all.length);
      const before = await count();
      await until(async () => (await reached(page)) && (await count()) > before, 20_000, () => "the page's WebSocket says nothing");
      assert.match(await page.$eval(".red-ui-debug-msg:last-child", (entry) => entry.textContent), /filled \d+ times/);
    };
    await told(page);

    // Stopped: the open page's WebSocket connects again to the grain that starts anew, and its counting begins anew.
    await granary.cli("stop", grainId);
    assert.equal(await reached(page), "filled 1 times");
    await told(page);
    await page.close();

    await granary.cli("stop", grainId);
    const later = await editor();
    assert.ok((await labels(later)).includes("Silo"));
    assert.equal(await later.evaluate(() => RED.nodes.node("b1").name), "count");
    assert.equal(await reached(later), "filled 1 times");
    await told(later);
    await later.close();
  });
});
