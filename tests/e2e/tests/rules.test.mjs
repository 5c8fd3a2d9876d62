// The rules of the browser, in Chromium and in Firefox: what a grain's page, a stolen cookie or a flood of cookies can do. Nothing.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { launch, names, open, owner } from "../lib/browsers.mjs";
import { Granary, until } from "../lib/granary.mjs";

function curl(...args) {
  return new Promise((resolve) => {
    execFile("curl", ["-sk", "-o", "/dev/null", "-w", "%{http_code}", ...args], (_, stdout) => resolve(stdout));
  });
}

for (const name of names) {
  describe(`rules of the browser, ${name}`, () => {
    let granary, browser, one, two;
    before(async () => {
      granary = await Granary.start();
      one = (await granary.cli("new", "Notes", "--title", "one")).grainId;
      two = (await granary.cli("new", "Files", "--title", "two")).grainId;
      browser = await launch(name, granary);
    });
    after(async () => {
      await browser?.close();
      await granary?.stop();
    });

    test("a stolen cookie opens nothing", async () => {
      const { page, call, secret } = await owner(browser, granary);
      assert.equal((await call("GET", "/grains")).status, 200);
      const cookie = (await page.cookies()).map((c) => `${c.name}=${c.value}`).join("; ");
      assert.match(cookie, /__Host-granary-owner-\d+=/);
      assert.equal(await curl("-H", `Cookie: ${cookie}`, `${granary.origin}/api/v1/grains`), "401");
      assert.equal(await curl("-H", `X-Granary-Secret: ${secret}`, `${granary.origin}/api/v1/grains`), "401");
      assert.equal(await curl("-H", `Cookie: ${cookie}`, "-H", `X-Granary-Secret: ${secret}`, `${granary.origin}/api/v1/grains`), "200");
      await page.close();
    });

    test("a grain's page reaches neither the shell nor another grain", async () => {
      const sibling = await open(browser, granary, two);
      const siblingOrigin = new URL(sibling.url()).origin;
      const page = await open(browser, granary, one);
      const tried = await page.evaluate(async (shell, sibling) => {
        const result = {};
        const attempt = async (what, action) => {
          try {
            result[what] = String(await action());
          } catch {
            result[what] = "refused";
          }
        };
        for (const [what, origin] of [["shell", shell], ["sibling", sibling]]) {
          await attempt(`${what} fetch`, async () => (await fetch(`${origin}/api/v1/grains`, { credentials: "include" })).status);
          await attempt(`${what} no-cors`, async () => (await fetch(`${origin}/`, { mode: "no-cors", credentials: "include" })).type);
          await attempt(`${what} post`, async () => (await fetch(`${origin}/api/v1/logout`, { method: "POST", mode: "no-cors", credentials: "include" })).type);
          await attempt(`${what} script`, () => new Promise((resolve, reject) => {
            const script = document.createElement("script");
            script.src = `${origin}/app.js`;
            script.onload = () => resolve("ran");
            script.onerror = reject;
            document.head.append(script);
          }));
          await attempt(`${what} image`, () => new Promise((resolve, reject) => {
            const image = new Image();
            image.onload = () => resolve("shown");
            image.onerror = reject;
            image.src = `${origin}/favicon.svg`;
          }));
          await attempt(`${what} socket`, () => new Promise((resolve, reject) => {
            const socket = new WebSocket(`${origin.replace("https", "wss")}/live`);
            socket.onopen = () => resolve("open");
            socket.onerror = reject;
          }));
          await attempt(`${what} frame`, () => new Promise((resolve) => {
            const frame = document.createElement("iframe");
            frame.src = `${origin}/`;
            frame.onload = () => {
              try {
                resolve(frame.contentDocument?.querySelector("textarea, table, main") ? "read" : "refused");
              } catch {
                resolve("refused");
              }
            };
            frame.onerror = () => resolve("refused");
            document.body.append(frame);
            setTimeout(() => resolve("refused"), 3000);
          }));
        }
        await attempt("foreign fetch", async () => (await fetch("https://example.org/", { mode: "no-cors" })).type);
        await attempt("loopback fetch", async () => (await fetch("http://127.0.0.1:1/", { mode: "no-cors" })).type);
        await attempt("worker", () => new Promise((resolve, reject) => {
          const worker = new Worker(URL.createObjectURL(new Blob(["postMessage('ran')"])));
          worker.onmessage = () => resolve("ran");
          worker.onerror = reject;
        }));
        return result;
      }, granary.origin, siblingOrigin);
      assert.deepEqual([...new Set(Object.values(tried))], ["refused"], JSON.stringify(tried, null, 1));
      await page.close();
      await sibling.close();
    });

    test("a grain in its frame cannot navigate the top window", async () => {
      const { page, call } = await owner(browser, granary);
      const { url } = JSON.parse((await call("POST", `/grains/${one}/session`, {})).body);
      await page.evaluate((url) => {
        const frame = document.createElement("iframe");
        frame.sandbox = "allow-scripts allow-same-origin allow-forms allow-modals allow-downloads allow-popups allow-popups-to-escape-sandbox";
        frame.src = url;
        document.body.append(frame);
      }, url);
      const frame = await until(() => page.frames().find((f) => f.url().includes("//ui-") && !f.url().includes("_granary-init")), 15_000);
      await frame.waitForSelector("textarea");
      const blocked = await frame.evaluate(() => {
        try {
          window.top.location = "about:blank";
          return false;
        } catch {
          return true;
        }
      });
      assert.ok(blocked, "setting the top window's location must throw");
      assert.ok(page.url().startsWith(granary.origin));
      await page.close();
    });

    test("a used address with a valid cookie leads on, without one it does not", async () => {
      const { url } = await granary.cli("url", one);
      const page = await browser.newPage();
      await page.goto(url);
      assert.ok(!page.url().includes("code="), "the code never stays in the address");
      await page.goto(url);
      assert.equal(new URL(page.url()).pathname, "/");
      assert.ok(await page.$("textarea"));
      assert.notEqual(await curl(url), "303");
      await page.close();
    });

    test("a page that sets two hundred cookies for the whole site leaves the owner logged in", async () => {
      const { page: shell, call } = await owner(browser, granary);
      const page = await open(browser, granary, one);
      await page.evaluate(() => {
        for (let i = 0; i < 200; i++) document.cookie = `flood${i}=${"x".repeat(100)}; Domain=granary.localhost; Path=/; Secure`;
      });
      assert.equal((await call("GET", "/grains")).status, 200);
      await page.close();
      await shell.close();
    });

    test("a page with more requests under way than a connection carries holds up nobody else", async () => {
      const { page: shell, call } = await owner(browser, granary);
      const { appId } = await granary.cli("install", await granary.packedRaw());
      const page = await open(browser, granary, (await granary.cli("new", appId, "--title", "greedy")).grainId);
      await page.evaluate(() => {
        for (let i = 0; i < 1500; i++) fetch(`/hang?${i}`).catch(() => {});
      });
      // Each of these would wait for as long as the page is open.
      const bounded = (what, promise) =>
        Promise.race([promise, new Promise((_, reject) => setTimeout(reject, 60_000, new Error(`${what} waits`)).unref())]);
      for (let i = 0; i < 3; i++) assert.equal((await bounded("the shell", call("GET", "/grains"))).status, 200);
      const other = await bounded("another document", open(browser, granary, one));
      await other.waitForSelector("textarea");
      for (const each of [other, page, shell]) await each.close();
    });

    test("four hundred sessions one after another leave the owner logged in", async () => {
      const { page, call } = await owner(browser, granary);
      const visitor = await browser.newPage();
      for (let i = 0; i < 400; i++) {
        const { url } = JSON.parse((await call("POST", `/grains/${two}/session`, {})).body);
        const answer = await visitor.goto(url.replace(/path=[^&]*$/, "path=%2Flist"));
        assert.equal(answer.status(), 200, `session ${i}`);
      }
      assert.equal((await call("GET", "/grains")).status, 200);
      await visitor.close();
      await page.close();
    });
  });
}
