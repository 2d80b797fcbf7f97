// In a real browser: two tabs with one session and one queue; uploads that are watched and given up.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browserAt, type Browser, type Tab } from "./browser.js";
import { aPair, ask, both, emailOf, PASSWORD, stopAll, until, type Pair } from "./world.js";

let browser: Browser;
before(async () => {
  browser = await browserAt(process.env["CHROMIUM"] ?? "");
});
after(async () => {
  stopAll();
  await browser.close();
});

/** A client of the page, on the browser's own stores; `wire` counts what it asked for. */
const OPEN = `
  globalThis.wire = [];
  globalThis.users = [];
  globalThis.client = new sdk.TherapyConnect({
    url: location.origin,
    tokens: new sdk.WebTokenStore(),
    queue: new sdk.WebQueueStore(),
    fetch: async (address, init) => {
      const answer = await fetch(address, init);
      wire.push(init.method + " " + new URL(address).pathname + " " + answer.status);
      return answer;
    },
  });
  client.on("user", (userId) => users.push(userId));
`;
const SENT = `wire.filter((line) => line.startsWith("POST /api/messages/send_message/")).length`;
const KEPT = `Object.keys(localStorage).filter((key) => key.startsWith("therapyconnect")).length`;

async function opened(): Promise<Tab> {
  const tab = await browser.tab();
  await tab.run(OPEN);
  return tab;
}

async function loggedIn(pair: Pair): Promise<Tab> {
  const tab = await opened();
  const given = JSON.stringify({ email: emailOf(pair.patient_id), password: PASSWORD });
  await tab.run(`client.logIn(${given}).then(() => client.start()).then(() => true)`);
  return tab;
}

async function sees(tab: Tab, expression: string, what: string): Promise<void> {
  for (const end = Date.now() + 30_000; !(await tab.run<boolean>(expression)); ) {
    assert.ok(Date.now() < end, `never: ${what}`);
  }
}

test("two tabs: one log-in, one refresh at a time, one log-out", async () => {
  const pair = aPair();
  const one = await loggedIn(pair);
  const other = await opened();
  assert.equal(await other.run(`client.start().then(() => client.userId)`), pair.patient_id);
  const old = await one.run<string>(`JSON.parse(localStorage["therapyconnect.tokens"]).access`);
  const renew = `Promise.all([1, 2, 3].map(() => client.session.renew(${JSON.stringify(old)}))).then((got) => got.join())`;
  await Promise.all([one.run(renew), other.run(renew)]);
  const refreshes = `wire.filter((line) => line.includes("tokens/refresh")).length`;
  // One after the other; a tab may take its turn before the browser tells it what the last one wrote.
  const times = (await one.run<number>(refreshes)) + (await other.run<number>(refreshes));
  assert.ok(times === 1 || times === 2, `${times} refreshes for six who asked`);
  for (const tab of [one, other]) assert.equal(await tab.run(`client.me().then((me) => me.id)`), pair.patient_id);

  await other.run(`client.connection.stop(), client.chat("${pair.chat_id}").send({ text: "never said" }), true`);
  await one.run(`client.logOut().then(() => true)`);
  await sees(other, `users.at(-1) === null`, "the other tab is signed out");
  assert.equal(await other.run(`client.connection.state.status`), "stopped");
  assert.deepEqual(await other.run(`client.outbox.all.length + client.chats.all.length`), 0);
  // What the other tab wrote and took away again reaches this one's view of the storage a moment later.
  for (const tab of [one, other]) await sees(tab, `${KEPT} === 0`, "nothing of it stays");
  await Promise.all([one.close(), other.close()]);
});

test("two tabs share a queue: each message is there once, in order, and what was taken back never", async (context) => {
  const pair = aPair();
  const { t } = await both(pair);
  await t.load();
  const one = await loggedIn(pair);
  await one.network({ offline: true });
  const write = (text: string): string => `client.chat("${pair.chat_id}").send({ text: "${text}" })`;
  await one.run(`globalThis.outs = [${["1", "2", "3", "taken back", "4"].map(write).join()}], true`);
  const other = await opened();
  await other.network({ offline: true });
  await other.run(`void client.start().catch(() => undefined)`);
  await sees(other, `client.outbox.all.length === 5`, "the other tab has the queue");
  await one.run(`outs[3].discard(), true`);
  await Promise.all([one.network({}), other.network({})]);
  for (const tab of [one, other]) await tab.run(`client.connection.nudge(), client.outbox.nudge(), true`);
  for (const tab of [one, other]) await sees(tab, `client.outbox.all.length === 0`, "the queue is empty");
  await until(() => t.messages.length === 4, "all arrived");
  assert.deepEqual(t.messages.map(({ text }) => text), ["1", "2", "3", "4"]);
  assert.deepEqual(await one.run(`outs.map((out) => out.state)`), ["sent", "sent", "sent", "failed", "sent"]);
  assert.equal(await ask(`rows ${pair.chat_id}`), "4");
  context.diagnostic(`measured: 4 messages of two tabs: ${(await one.run<number>(SENT)) + (await other.run<number>(SENT))} requests`);
  await sees(one, `${KEPT} === 1`, "the tokens alone");
  await one.run(`client.logOut().then(() => true)`);
  await Promise.all([one.close(), other.close()]);
});

test("another one signs in at the other tab: nothing of the first is left to them", async () => {
  const [first, second] = [aPair(), aPair()];
  const one = await loggedIn(first);
  await one.run(`client.connection.stop(), client.chat("${first.chat_id}").send({ text: "of the first" }), true`);
  const other = await loggedIn(second);
  await sees(one, `users.at(-1) === "${second.patient_id}"`, "it is told");
  assert.equal(await one.run(`users.at(-2)`), null);
  assert.equal(await one.run(`client.connection.state.status`), "stopped");
  assert.equal(await one.run(`client.start().then(() => client.chats.all.map((chat) => chat.id).join())`), second.chat_id);
  assert.equal(await one.run(`client.outbox.all.length`), 0);
  await one.run(`client.logOut().then(() => true)`);
  await Promise.all([one.close(), other.close()]);
});

test("an upload tells how far it is, is given up, is refused in words", async () => {
  const pair = aPair();
  const tab = await loggedIn(pair);
  const upload = (bytes: number, name: string, more = ""): string =>
    `client.uploads.send("${pair.chat_id}", new Blob(["x".repeat(${bytes})], { type: "text/plain" }),
      { name: "${name}", onProgress: (sent, total) => { steps.push([sent, total]); ${more} }, signal: control.signal })`;
  await tab.run(`globalThis.steps = [], globalThis.control = new AbortController(), true`);
  const made = await tab.run<{ name: string; size: number }>(upload(300_000, "notes.txt"));
  assert.deepEqual([made.name, made.size], ["notes.txt", 300_000]);
  assert.equal(await tab.run(`steps.at(-1)[0] === steps.at(-1)[1] && steps.at(-1)[0] > 300_000`), true);
  await assert.rejects(tab.run(upload(10, "page.html")), /TherapyConnectError/);
  assert.equal(await tab.run(`${upload(10, "page.html")}.catch((error) => error.code + " " + error.status)`), "unsupported_type 415");
  await tab.network({ uploads: 200_000 });
  await tab.run(`steps = [], true`);
  const given_up = `${upload(4_000_000, "long.txt", "control.abort();")}.catch((error) => error.code)`;
  assert.equal(await tab.run(given_up), "aborted");
  assert.equal(await tab.run(`steps[0][0] < steps[0][1]`), true, "before all was sent");
  await tab.network({});
  assert.equal(await ask(`files ${pair.chat_id}`), "1");
  await tab.close();
});
