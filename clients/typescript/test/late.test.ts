// What comes late, or in another order than it was made: pages, answers, frames, receipts.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { MemoryQueueStore, MemoryTokenStore, type Tokens } from "../dist/index.js";
import { HeldAnswers, HeldFrames } from "./held.js";
import { anAdmin, aPair, both, client, emailOf, having, PASSWORD, stopAll, until } from "./world.js";

after(stopAll);

test("what becomes of messages while their page is on its way is not undone by it", async () => {
  const answers = new HeldAnswers();
  const { t, p } = await both(aPair(), { therapist: { fetch: answers.fetch }, patient: { fetch: answers.fetch } });
  const sent = [];
  for (const text of ["deleted", "edited", "back", "read"]) sent.push(await p.send({ text }).sent());
  const [deleted, edited, back, read] = sent.map(({ id }) => id) as [string, string, string, string];
  await p.deleteMessage(back);
  await until(() => t.detail.last_seq === 5, "the therapist has heard of it");
  answers.hold("/api/messages/?");
  const pages = [t.load(), p.load()];
  await until(() => answers.waiting === 2, "the pages are on their way");
  await p.deleteMessage(deleted);
  await p.edit(edited, "edited since");
  await p.restoreMessage(back);
  await until(() => t.detail.last_seq === 8, "all of it is heard");
  t.markRead();
  await until(() => p.receipts.therapist.read_seq === 8, "and read");
  answers.release();
  await Promise.all(pages);
  for (const { messages } of [t, p]) {
    assert.deepEqual(messages.map(({ text }) => text), [null, "edited since", "back", "read"]);
    assert.equal(messages[0]?.deleted, true);
    assert.deepEqual(messages.slice(1).map(({ deleted: gone }) => gone), [false, false, false]);
    assert.equal(messages.find(({ id }) => id === read)?.read_status, "read");
  }
});

test("what becomes of messages while the older page is on its way is not undone by it", async () => {
  const answers = new HeldAnswers();
  // One's own deeds are answered before their frames come.
  const frames = new HeldFrames("emergency_flagged", "message_restored");
  const { t, p } = await both(aPair(), {
    therapist: { fetch: answers.fetch },
    patient: { fetch: answers.fetch, WebSocket: frames.WebSocket },
  });
  const sent = Array.from({ length: 60 }, (_, number) => p.send({ text: String(number) }));
  const [flagged, restored] = (await Promise.all(sent.map((one) => one.sent()))).map(({ id }) => id);
  await p.deleteMessage(restored ?? "");
  await Promise.all([t.load(), p.load()]);
  answers.hold("/api/messages/?");
  const older = [t.loadOlder(), p.loadOlder()];
  await until(() => answers.waiting === 2, "the older pages are on their way");
  await p.flag(flagged ?? "");
  await p.restoreMessage(restored ?? "");
  await until(() => t.detail.last_seq === 63, "it is heard");
  answers.release();
  await Promise.all(older);
  for (const { messages } of [t, p]) {
    assert.equal(messages.length, 60);
    assert.deepEqual([messages[0]?.emergency, messages[1]?.text], [true, "1"]);
  }
});

test("what is answered after a log-out is not the next user's", async () => {
  const pair = aPair();
  const { patient } = await both(pair);
  await patient.chat(pair.chat_id).send({ text: "Help", emergency: true }).sent();
  const answers = new HeldAnswers();
  const shared = await having(pair.therapist_token, { fetch: answers.fetch });
  await until(() => shared.alerts.open.length === 1, "the alert is open");
  const chat = shared.chat(pair.chat_id);
  answers.hold("/api/");
  const [alert] = shared.alerts.open;
  const asked = [
    shared.chats.add(pair.chat_id),
    shared.chats.addAll([pair.chat_id]),
    shared.chats.open(pair.therapist_id, pair.patient_id),
    shared.alerts.load(),
    shared.alerts.acknowledge(alert?.id ?? ""),
    shared.notifications.load(),
    chat.fetch(),
    chat.load(),
  ];
  await until(() => answers.waiting >= asked.length, "all of it is on its way");
  const told: string[] = [];
  const leaving = shared.logOut();
  shared.on("alert", () => told.push("alert"));
  shared.on("notification", () => told.push("notification"));
  shared.chats.on("changed", () => told.push("chats"));
  chat.on("detail", () => told.push("detail"));
  chat.on("messages", () => told.push("messages"));
  answers.release();
  await Promise.allSettled(asked);
  assert.deepEqual(shared.chats.all, []);
  assert.deepEqual(shared.alerts.open, []);
  assert.deepEqual(chat.messages, []);
  assert.deepEqual(told, []);
  await leaving;
});

test("what was on its way at a log-out tells the next user nothing", async () => {
  const [pair, next] = [aPair(), aPair()];
  const answers = new HeldAnswers();
  const shared = await having(pair.patient_token, { fetch: answers.fetch });
  answers.hold("send_message");
  const help = shared.chat(pair.chat_id).send({ text: "Help", emergency: true });
  await until(() => answers.waiting === 1, "it is on its way");
  const leaving = shared.logOut();
  await assert.rejects(help.sent(), { code: "signed_out" });
  const told: string[] = [];
  shared.on("outgoing", ({ state }) => told.push(state));
  answers.release();
  await leaving;
  await shared.logIn({ email: emailOf(next.patient_id), password: PASSWORD });
  await shared.start();
  await shared.chat(next.chat_id).send({ text: "mine" }).sent();
  assert.deepEqual(told, ["queued", "sending", "sent"]);
  assert.deepEqual([shared.crisisResources, help.state], [[], "failed"]);
});

test("a first look at notices that is answered after a log-out tells the next user nothing", async () => {
  const [pair, next] = [aPair(), aPair()];
  const admin = await anAdmin();
  await admin.notifications.write({ title: "before", user_ids: [next.patient_id] });
  const answers = new HeldAnswers();
  const shared = client({
    tokens: new MemoryTokenStore({ access: pair.patient_token, refresh: "" }),
    fetch: answers.fetch,
  });
  await shared.session.restore();
  answers.hold("/api/");
  const look = shared.notifications.load();
  const crisis = shared.loadCrisisResources();
  await until(() => answers.waiting === 2, "it is on its way");
  await shared.logOut();
  answers.release();
  await Promise.allSettled([look, crisis]);
  assert.deepEqual(shared.crisisResources, []);
  const heard: string[] = [];
  shared.on("notification", ({ title }) => heard.push(title));
  await shared.logIn({ email: emailOf(next.patient_id), password: PASSWORD });
  await shared.start();
  await admin.notifications.write({ title: "new", user_ids: [next.patient_id] });
  await until(() => heard.includes("new"), "the new one");
  await shared.notifications.load();
  assert.deepEqual(heard, ["new"]);
});

test("an alert that comes before its message's flag is confirmed all the same", async () => {
  const frames = new HeldFrames("emergency_flagged", "emergency_message");
  const { therapist, patient, t, p } = await both(aPair(), { therapist: { WebSocket: frames.WebSocket } });
  await t.load();
  const { id } = await p.send({ text: "It is not so bad" }).sent();
  await until(() => t.messages.length === 1, "it is there");
  t.markRead();
  await until(() => p.receipts.therapist.read_seq === 1 && t.receipts.therapist.read_seq === 1, "it is read");
  await p.flag(id);
  await until(() => therapist.alerts.open.length === 1 && frames.waiting.length === 2, "the alert is first");
  frames.release();
  await until(() => patient.alerts.open[0]?.state === "delivered", "a device has it");
});

test("what another device has read already does not count when it comes", async () => {
  const pair = aPair();
  const frames = new HeldFrames("new_message");
  const { t, p } = await both(pair);
  const slow = (await having(pair.therapist_token, { WebSocket: frames.WebSocket })).chat(pair.chat_id);
  let heard = 0;
  slow.on("message", () => (heard += 1));
  await p.send({ text: "Good morning" }).sent();
  await until(() => t.unread === 1 && frames.waiting.length === 1, "both devices get it");
  t.markRead();
  await until(() => slow.receipts.therapist.read_seq === 1, "the receipt overtakes it");
  frames.release();
  assert.equal(heard, 1);
  assert.equal(slow.unread, 0);
});

test("how a chat stood before it was read is not how it stands", async () => {
  const answers = new HeldAnswers();
  const { t, p } = await both(aPair(), { therapist: { fetch: answers.fetch } });
  await p.send({ text: "Good morning" }).sent();
  await until(() => t.unread === 1, "it is unread");
  answers.hold("/api/chats/CHAT");
  const fetched = t.fetch();
  await until(() => answers.waiting === 1, "the answer is on its way");
  t.markRead();
  await until(() => t.receipts.therapist.read_seq === 1, "read");
  answers.release();
  await fetched;
  assert.equal(t.unread, 0);
});

test("what was hidden goes also where an answer tells of it first", async () => {
  const frames = new HeldFrames("chat_updated");
  const { t, p } = await both(aPair(), { patient: { WebSocket: frames.WebSocket } });
  await p.load();
  await t.send({ text: "for now" }).sent();
  await until(() => p.messages.length === 1, "it is here");
  await t.room.permit({ patient_can_see_history: false });
  await until(() => frames.waiting.length === 1, "the frame is on its way");
  await p.fetch();
  assert.deepEqual(p.messages, []);
  frames.release();
  await t.send({ text: "after" }).sent();
  await until(() => p.messages.length === 1 && p.messages[0]?.text === "after", "what comes after");
});

test("what was hidden is off the screen also where its page can't be fetched; that is asked for again", async () => {
  let refusals = 4;
  const failing: typeof fetch = async (input, init) => {
    if (refusals >= 4 || !String(input).includes("/api/messages/?")) return fetch(input, init);
    refusals += 1;
    return new Response("", { status: 502 });
  };
  const { patient, t, p } = await both(aPair(), { patient: { fetch: failing } });
  await p.load();
  await t.send({ text: "for now" }).sent();
  await until(() => p.messages.length === 1, "it is here");
  let shown = p.messages;
  p.on("messages", (now) => (shown = now));
  refusals = 0;
  await t.room.permit({ patient_can_see_history: false });
  await until(() => refusals === 4, "its page is refused");
  assert.deepEqual(shown, []);
  refusals = 0;
  await t.room.permit({ patient_can_see_history: true });
  await until(() => refusals === 4, "refused again");
  patient.connection.lose();
  patient.connection.nudge();
  await until(() => shown[0]?.text === "for now", "it is asked for again");
});

test("a message that is looked for when its sender stops still waits", async () => {
  class Taken extends MemoryQueueStore {
    has = (): Promise<boolean> => Promise.resolve(false);
    exclusively = <Result>(_: string, work: () => Promise<Result>): Promise<Result> => work();
  }
  const answers = new HeldAnswers();
  const { patient, p } = await both(aPair(), { patient: { queue: new Taken(), fetch: answers.fetch } });
  answers.hold("/api/messages/?");
  const outgoing = p.send({ text: "Good morning" });
  await until(() => answers.waiting === 1, "another tab may have sent it");
  patient.stop();
  answers.release();
  await until(() => outgoing.state !== "sending", "it is answered");
  assert.equal(outgoing.state, "queued");
});

for (const where of ["tokens", "queue"] as const) {
  test(`who stops while a start waits for its ${where} is not connected`, async () => {
    const { patient_token } = aPair();
    let go: (() => void) | null = null;
    const held = new Promise<void>((resume) => (go = resume));
    class Slow extends MemoryTokenStore {
      override async read(): Promise<Tokens | null> {
        if (where === "tokens") await held;
        return super.read();
      }
    }
    class SlowQueue extends MemoryQueueStore {
      override async all(): ReturnType<MemoryQueueStore["all"]> {
        if (where === "queue") await held;
        return super.all();
      }
    }
    const tokens = new Slow({ access: patient_token, refresh: "" });
    const stopped = client({ tokens, queue: new SlowQueue() });
    const states: string[] = [];
    stopped.on("connection", ({ status }) => states.push(status));
    const starting = stopped.start();
    if (where === "queue") await until(() => stopped.userId !== null, "it knows who it is");
    stopped.stop();
    (go as (() => void) | null)?.();
    await assert.rejects(starting, { code: "aborted" });
    assert.deepEqual(states, []);
  });
}
