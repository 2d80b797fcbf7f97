// A server that is killed, stopped, locked or overrun: what was asked is there once it is back, once.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { aPair, ask, both, hurry, stopAll, until } from "./world.js";

after(stopAll);

test("the server is killed and started again, twice, while both write", async (context) => {
  const pair = aPair();
  const { therapist, patient, t, p } = await both(pair);
  await Promise.all([t.load(), p.load()]);
  const heard: Record<string, number[]> = { t: [], p: [] };
  therapist.on("message", ({ message }) => heard["t"]?.push(message.seq));
  patient.on("message", ({ message }) => heard["p"]?.push(message.seq));
  const sent = [t, p].flatMap((chat) =>
    Array.from({ length: 15 }, (_, number) => ({ chat, number, outgoing: chat.send({ text: `${number}` }) })),
  );
  const acked = Promise.all(sent.map(({ outgoing }) => outgoing.sent()));
  const done = (): number => sent.filter(({ outgoing }) => outgoing.state === "sent").length;
  for (const least of [5, 15]) {
    await until(() => done() >= least, `${least} are acked`, 60);
    await ask("kill");
    await ask("start");
    hurry(therapist, patient);
  }
  const messages = await acked;
  const all = Array.from(sent, (_, index) => index + 1);
  await until(() => heard["t"]?.length === all.length && heard["p"]?.length === all.length, "both heard all", 60);
  assert.deepEqual(messages.map(({ seq }) => seq).sort((a, b) => a - b), all);
  assert.deepEqual([heard["t"], heard["p"]], [all, all]);
  for (const chat of [t, p]) {
    const mine = sent.flatMap((one, index) => (one.chat === chat ? [messages[index]?.seq ?? 0] : []));
    assert.deepEqual(mine, [...mine].sort((a, b) => a - b));
  }
  assert.equal(await ask(`rows ${pair.chat_id}`), String(all.length));
  context.diagnostic(`measured: ${all.length} messages over two kills: 0 lost, doubled or out of order`);
});

test("a server that goes away says so, and its sockets come back", async () => {
  const { patient, t, p } = await both(aPair());
  const states: string[] = [];
  patient.on("connection", ({ status }) => states.push(status));
  await ask("stop");
  await until(() => states.includes("waiting"), "it knows");
  const waiting = p.send({ text: "meanwhile" });
  await ask("snapshot"); // for the test below
  await ask("start");
  hurry(patient);
  await waiting.sent();
  await until(() => patient.connection.online, "it is back", 60);
  await t.send({ text: "welcome back" }).sent();
  await until(() => p.detail.last_message_text === "welcome back", "it hears");
});

test("an installation is set back to what was kept: what is held is fetched afresh", async () => {
  const pair = aPair();
  const { therapist, patient, t, p } = await both(pair);
  await Promise.all([t.load(), p.load()]);
  for (const text of ["1", "2", "3"]) await p.send({ text }).sent();
  await until(() => t.messages.length === 3 && t.unread === 3, "all three");
  const resets: string[] = [];
  t.on("reset", () => resets.push("t"));
  p.on("reset", () => resets.push("p"));
  const heard: string[] = [];
  therapist.on("message", ({ message }) => heard.push(message.text ?? ""));
  await ask("stop");
  const waiting = p.send({ text: "after all" });
  await ask("rewind");
  await ask("start");
  hurry(therapist, patient);
  assert.equal((await waiting.sent()).seq, 1, "its number was given before");
  await until(() => resets.includes("t") && resets.includes("p"), "both begin afresh", 60);
  await until(() => t.messages.length === 1 && p.messages.length === 1, "what is there now");
  await p.send({ text: "and on" }).sent();
  await until(() => heard.includes("and on") && t.unread === 2, "it goes on");
  assert.deepEqual(t.messages.map(({ text }) => text), ["after all", "and on"]);
  assert.deepEqual(p.messages.map(({ text }) => text), ["after all", "and on"]);
  assert.equal(t.detail.last_seq, 2);
});

test("503: asked again until it is there, once; an emergency says meanwhile whom to call", async () => {
  const pair = aPair();
  const { patient, p } = await both(pair);
  await ask("lock");
  const calm = p.send({ text: "calm" });
  const help = p.send({ text: "help", emergency: true });
  await until(() => help.crisisResources.length > 0 && calm.error !== null, "refused for now");
  assert.deepEqual([help.error?.status, calm.error?.status], [503, 503]);
  assert.ok((calm.error?.retryAfter ?? 0) >= 1);
  assert.notEqual(help.state, "failed");
  await ask("unlock");
  hurry(patient);
  await Promise.all([calm.sent(), help.sent()]);
  assert.equal(await ask(`rows ${pair.chat_id}`), "2");
});

test("429: waits as long as it is told, and goes on in order", async () => {
  const pair = aPair();
  const { p } = await both(pair);
  await p.send({ text: "0" }).sent();
  await ask(`leave message ${pair.patient_id} -40`);
  const sent = ["1", "2", "3"].map((text) => p.send({ text }));
  await until(() => sent[0]?.error?.code === "throttled", "it was too much");
  assert.ok((sent[0]?.error?.retryAfter ?? 0) >= 1);
  const help = await p.send({ text: "help", emergency: true }).sent();
  const seqs = (await Promise.all(sent.map((one) => one.sent()))).map(({ seq }) => seq);
  assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
  assert.ok(help.seq < (seqs[2] ?? 0), "a call for help waits for none of it");
});
