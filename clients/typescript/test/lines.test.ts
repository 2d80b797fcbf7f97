// Bad lines: connections cut at random, in mid-frame and in mid-answer; a line that looks alive; a store
// that outlives its client. Nothing is lost, doubled or reordered.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { MemoryQueueStore, MemoryTokenStore, type NewMessage } from "../dist/index.js";
import { proxyTo } from "./proxy.js";
import { aPair, ask, both, client, dice, stopAll, until, URL_OF_SERVER } from "./world.js";

after(stopAll);

test("two people talk over lines that are cut all the time", async (context) => {
  const pair = aPair();
  const chance = dice("cuts");
  const lines = await Promise.all([proxyTo(URL_OF_SERVER), proxyTo(URL_OF_SERVER)]);
  const [one, other] = lines;
  assert.ok(one && other);
  const { therapist, patient, t, p } = await both(pair, {
    therapist: { url: one.url },
    patient: { url: other.url },
  });
  const heard: Record<string, NewMessage["message"][]> = { t: [], p: [] };
  therapist.on("message", ({ message }) => heard["t"]?.push(message));
  patient.on("message", ({ message }) => heard["p"]?.push(message));
  await Promise.all([t.load(), p.load()]);
  for (const line of lines) line.limit(() => 400 + Math.floor(chance() * 12_000));
  for (const line of lines) line.cut();
  const sent = Array.from({ length: 24 }, (_, number) => {
    const chat = number % 2 === 0 ? t : p;
    return { chat, outgoing: chat.send({ text: `${chat === t ? "t" : "p"} ${number}` }) };
  });
  const cutting = setInterval(() => lines[chance() < 0.5 ? 0 : 1]?.cut(), 250);
  const nudging = setInterval(() => {
    // So that it does not last: a browser would say `online`.
    for (const who of [therapist, patient]) {
      who.connection.nudge();
      who.outbox.nudge();
    }
  }, 100);
  const acked = await Promise.all(sent.map(({ outgoing }) => outgoing.sent()));
  clearInterval(cutting);
  for (const line of lines) line.limit(null);
  const full = (): boolean => heard["t"]?.length === sent.length && heard["p"]?.length === sent.length;
  await until(full, "both heard everything", 60);
  clearInterval(nudging);

  const inOrder = acked.map(({ seq }) => seq).sort((a, b) => a - b);
  assert.deepEqual(inOrder, Array.from(sent, (_, index) => index + 1));
  for (const [name, chat] of Object.entries({ t, p })) {
    assert.deepEqual(heard[name]?.map(({ seq }) => seq), inOrder, `${name}: each once, in order`);
    assert.deepEqual(chat.messages.map(({ seq }) => seq), inOrder);
  }
  for (const chat of [t, p]) {
    const mine = sent.flatMap((one, index) => (one.chat === chat ? [acked[index]?.seq ?? 0] : []));
    assert.deepEqual(mine, [...mine].sort((a, b) => a - b), "in the order of writing");
  }
  assert.equal(await ask(`rows ${pair.chat_id}`), String(sent.length));
  t.markRead();
  p.markRead();
  const read = (): boolean => [t, p].every((chat) =>
    chat.receipts.therapist.read_seq === sent.length && chat.receipts.patient.read_seq === sent.length);
  await until(read, "both know what was read");
  assert.equal((await t.fetch()).unread_count, 0);
  const cuts = one.cuts + other.cuts;
  assert.ok(cuts >= 2, `only ${cuts} cuts`);
  context.diagnostic(`measured: ${sent.length} messages over ${one.connections + other.connections} connections, ${cuts} cuts`);
  stopAll();
  await Promise.all(lines.map((line) => line.close()));
});

test("what happens while a line is down is heard once it is up, and what waits goes out", async () => {
  const pair = aPair();
  const line = await proxyTo(URL_OF_SERVER);
  const { patient, t, p } = await both(pair, { patient: { url: line.url } });
  await p.load();
  const first = await t.send({ text: "before" }).sent();
  await until(() => p.messages.length === 1, "the first");
  const states: string[] = [];
  patient.on("connection", ({ status }) => states.push(status));
  line.down();
  await until(() => states.includes("waiting"), "the client knows that it is offline", 5);
  const waiting = ["one", "two", "three"].map((text) => p.send({ text }));
  await t.edit(first.id, "before, edited");
  const second = await t.send({ text: "while it was down" }).sent();
  await t.deleteMessage(second.id);
  await t.send({ text: "and more" }).sent();
  assert.ok(waiting.every((one) => one.state !== "sent"));
  line.up();
  patient.connection.nudge();
  patient.outbox.nudge();
  const acked = await Promise.all(waiting.map((one) => one.sent()));
  assert.deepEqual(acked.map(({ seq }) => seq), [6, 7, 8]);
  await until(() => p.messages.length === 6, "all of it");
  assert.deepEqual(
    p.messages.map((message) => message.text),
    ["before, edited", null, "and more", "one", "two", "three"],
  );
  await until(() => p.unread === 2, "unread as the server counts");
  stopAll();
  await line.close();
});

test("a line that says nothing more is given up, and nothing is missing", async () => {
  const line = await proxyTo(URL_OF_SERVER);
  const { patient, t, p } = await both(aPair(), { patient: { url: line.url } });
  const heard: (string | null)[] = [];
  p.on("message", ({ message }) => heard.push(message.text));
  line.freeze();
  await t.send({ text: "into the void" }).sent();
  await until(() => heard.length === 1, "heard over a new line", 60);
  assert.ok(line.connections >= 2);
  patient.stop();
  await line.close();
});

test("a page that wakes doubts its line at once", async () => {
  const line = await proxyTo(URL_OF_SERVER);
  const { patient, t, p } = await both(aPair(), { patient: { url: line.url } });
  await p.load();
  const before = line.connections;
  line.freeze();
  await t.send({ text: "while it slept" }).sent();
  patient.connection.check();
  // Before the ten seconds of silence after which it would ask, and the six that it then waits.
  await until(() => patient.connection.state.status !== "online", "the line is given up", 14);
  await until(() => p.messages.length === 1, "it is here");
  assert.ok(line.connections > before);
  patient.stop();
  await line.close();
});

test("a restore from a backup: the chat begins afresh, and the page that failed is asked for again", async () => {
  const pair = aPair();
  let refusals = 0;
  const failing: typeof fetch = async (input, init) => {
    // What the way to the server does to the first look at the chat, after the gap was told.
    if (gapped && refusals < 4 && String(input).includes("/api/chats/CHAT")) {
      refusals += 1;
      return new Response("", { status: 502 });
    }
    return fetch(input, init);
  };
  let gapped = false;
  const line = await proxyTo(URL_OF_SERVER);
  const { patient, t, p } = await both(pair, { patient: { url: line.url, fetch: failing } });
  await p.load();
  for (const text of ["1", "2", "3"]) await t.send({ text }).sent();
  await until(() => p.messages.length === 3, "all three");
  let resets = 0;
  p.on("reset", () => (resets += 1));
  const heard: string[] = [];
  p.on("message", ({ message }) => heard.push(message.text ?? ""));
  await ask(`fork ${pair.chat_id}`);
  gapped = true;
  line.cut();
  await until(() => resets > 0, "fetched afresh");
  assert.equal(refusals, 4, "more often than a request is asked again");
  assert.deepEqual(p.messages.map(({ text }) => text), ["1", "2", "3"]);
  await t.send({ text: "4" }).sent();
  await until(() => p.messages.length === 4, "it goes on");
  assert.deepEqual(heard, ["4"]);
  assert.equal(resets, 1);
  patient.stop();
  await line.close();
});

test("what was refused stays refused after a reload; who stops sends nothing more", async () => {
  const pair = aPair();
  const queue = new MemoryQueueStore();
  const { patient, p } = await both(pair, { patient: { queue } });
  await assert.rejects(p.send({ text: "   " }).sent(), { code: "blank" });
  patient.stop();
  const tokens = new MemoryTokenStore({ access: pair.patient_token, refresh: "" });
  let asked = 0;
  const counting: typeof fetch = (input, init) => {
    if (String(input).includes("send_message")) asked += 1;
    return fetch(input, init);
  };
  const line = await proxyTo(URL_OF_SERVER);
  const reloaded = await client({ url: line.url, tokens, queue, fetch: counting }).start();
  const [refused] = reloaded.chat(pair.chat_id).outgoing;
  assert.deepEqual([refused?.state, refused?.error?.code, asked], ["failed", "blank", 0]);
  refused?.discard();
  assert.deepEqual(await queue.all(), []);
  line.down();
  reloaded.chat(pair.chat_id).send({ text: "waits" });
  await until(() => asked >= 1, "it is tried");
  await until(() => reloaded.outbox.all[0]?.error !== null, "in vain");
  reloaded.stop();
  const tried = asked;
  await new Promise((resume) => setImmediate(resume));
  line.up();
  await new Promise((resume) => setTimeout(resume, 200));
  assert.equal(asked, tried);
  await line.close();
});

test("a call for help without a line: whom to call is there at once, where it was heard before", async () => {
  const line = await proxyTo(URL_OF_SERVER);
  const { patient, p } = await both(aPair(), { patient: { url: line.url } });
  assert.deepEqual(patient.crisisResources, []);
  await p.send({ text: "Help", emergency: true }).sent();
  const known = patient.crisisResources;
  assert.ok(known.length > 0);
  line.down();
  await until(() => !patient.connection.online, "no line");
  const again = p.send({ text: "Again", emergency: true });
  assert.deepEqual(again.crisisResources, known);
  line.up();
  patient.outbox.nudge();
  await again.sent();
  assert.deepEqual(again.crisisResources, known);
  patient.stop();
  await line.close();
});

test("what waited in a store goes out after a reload, in order, once", async () => {
  const pair = aPair();
  const line = await proxyTo(URL_OF_SERVER);
  const queue = new MemoryQueueStore();
  const { patient, t, p } = await both(pair, { patient: { url: line.url, queue } });
  await t.load();
  // The answer to the first is lost; the others never leave.
  line.limit(() => 150);
  line.cut();
  const first = p.send({ text: "0" });
  while ((await ask(`rows ${pair.chat_id}`)) !== "1") patient.outbox.nudge();
  await until(() => first.error !== null, "the answer was lost");
  line.down();
  for (const text of ["1", "2", "3"]) p.send({ text });
  patient.stop();
  assert.equal((await queue.all()).length, 4);
  const tokens = new MemoryTokenStore({ access: pair.patient_token, refresh: "" });
  const reloaded = await client({ tokens, queue }).start();
  await until(() => reloaded.outbox.all.length === 0, "all went out");
  await until(() => t.messages.length === 4, "all arrived");
  assert.deepEqual(t.messages.map((message) => message.text), ["0", "1", "2", "3"]);
  assert.equal(await ask(`rows ${pair.chat_id}`), "4");
  assert.deepEqual(await queue.all(), []);
  await line.close();
});

test("a queue has a bound, which no call for help meets; log-out clears it", async () => {
  const line = await proxyTo(URL_OF_SERVER);
  const queue = new MemoryQueueStore();
  const { patient, p } = await both(aPair(), { patient: { url: line.url, queue, queueLimit: 3 } });
  line.down();
  const texts = ["1", "2", "3"].map((text) => p.send({ text }));
  assert.throws(() => p.send({ text: "4" }), { code: "queue_full" });
  const help = p.send({ text: "help", emergency: true });
  line.up();
  const order: string[] = [];
  const whole = [...texts, help].map((one) => one.sent().then(({ text }) => order.push(text ?? "")));
  patient.outbox.nudge();
  await Promise.all(whole);
  assert.deepEqual(order.filter((text) => text !== "help"), ["1", "2", "3"]);
  line.down();
  p.send({ text: "never said" });
  await patient.logOut();
  assert.deepEqual(await queue.all(), []);
  await line.close();
});
