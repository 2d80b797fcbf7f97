// Rooms, appointments, settings, notices, care: typed calls, answered by the real server.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { MemoryTokenStore } from "../dist/index.js";
import { anAdmin, aPair, both, client, having, stopAll, until } from "./world.js";

after(stopAll);

test("a room: its type, who may send, archived and open again; both are told", async () => {
  const { t, p } = await both(aPair());
  const changed = await t.room.change({ room_type: "consultation", tags: ["sleep"] });
  assert.deepEqual([changed.room_type, changed.tags], ["consultation", ["sleep"]]);
  await until(() => p.room.state.room_type === "consultation", "the other one is told");
  await t.room.permit({ patient_can_send: false });
  await assert.rejects(p.send({ text: "may I?" }).sent(), { status: 403 });
  await t.room.permit({ patient_can_send: true });
  assert.equal((await t.room.archive()).is_active, false);
  await until(() => !p.room.state.is_active, "archived");
  assert.equal((await t.room.activate()).is_active, true);
  await assert.rejects(p.room.archive(), { status: 403 });
});

test("an appointment: proposed, moved, accepted, in a calendar", async () => {
  const { t, p } = await both(aPair());
  await Promise.all([t.load(), p.load()]);
  const payload = { start: "2027-03-01T10:00:00+01:00", end: "2027-03-01T10:50:00+01:00", time_zone: "Europe/Vienna" };
  const { id } = await t.send({ text: "Monday at ten?", message_type: "appointment", payload }).sent();
  await until(() => p.messages[0]?.id === id, "it is proposed");
  const times = { start: "2027-03-01T11:00:00+01:00", end: "2027-03-01T11:50:00+01:00" };
  const moved = await p.answer(id, { answer: "reschedule", ...times });
  assert.equal(moved.payload?.["status"], "rescheduled");
  assert.equal(p.messages[0]?.payload?.["status"], "rescheduled");
  await until(() => t.messages[0]?.payload?.["status"] === "rescheduled", "it is moved");
  await t.answer(id, { answer: "accept" });
  await until(() => p.messages[0]?.payload?.["status"] === "accepted", "it stands");
  assert.match(await p.calendar(id), /BEGIN:VEVENT[^]*20270301T100000Z/);
  await assert.rejects(t.answer(id, { answer: "accept", ...times }), { status: 400 });
});

test("settings are read and changed; marks and care are there", async () => {
  const pair = aPair();
  const { therapist, patient, t, p } = await both(pair);
  const settings = await patient.changeSettings({ region: "CH", language: "de-CH" });
  assert.deepEqual([settings.region, settings.language], ["CH", "de-CH"]);
  assert.equal((await patient.settings()).region, "CH");
  const [first] = await patient.loadCrisisResources();
  assert.equal(first?.phone, "144");
  assert.equal(patient.crisisResources[0], first);
  await t.markUnread();
  assert.equal(t.detail.marked_unread, true);
  const care = await therapist.care.list();
  const mine = care.find(({ patient_id }) => patient_id === pair.patient_id);
  assert.ok(mine?.active);
  await assert.rejects(patient.care.end(mine.id), { status: 403 });
  assert.equal((await therapist.care.end(mine.id)).active, false);
  await assert.rejects(p.send({ text: "still?" }).sent(), { code: "relationship_ended", status: 403 });
});

test("notices: each is told once, also those that came while nobody listened", async () => {
  const pair = aPair();
  const admin = await anAdmin();
  assert.deepEqual(admin.chats.all, []);
  const patient = client({ tokens: new MemoryTokenStore({ access: pair.patient_token, refresh: "" }) });
  const heard: string[] = [];
  const say = (title: string): Promise<unknown> => admin.notifications.write({ title, user_ids: [pair.patient_id] });
  await say("before");
  patient.on("notification", ({ title }) => heard.push(title));
  await patient.start();
  await until(() => patient.connection.online, "connected");
  await say("one");
  await until(() => heard.length === 1, "the first");
  patient.connection.stop();
  await say("two");
  await say("three");
  patient.connection.start();
  await until(() => heard.length === 3, "what came meanwhile");
  await say("four");
  await until(() => heard.length === 4, "and on");
  assert.deepEqual(heard, ["one", "two", "three", "four"]);
  const unread = await patient.notifications.list({ unread: true });
  assert.deepEqual(unread.results.map(({ title }) => title), ["four", "three", "two", "one", "before"]);
  const [last] = unread.results;
  assert.ok((await patient.notifications.markRead(last?.id ?? "")).read_at);
  assert.equal((await patient.notifications.list({ unread: true })).results.length, 4);
});

test("who has started misses no notice, however slowly the first look at them is answered", async () => {
  const pair = aPair();
  const admin = await anAdmin();
  let looks = 0;
  const slow: typeof fetch = async (input, init) => {
    if (String(input).includes("/api/notifications/") && ++looks === 1) {
      await new Promise((resume) => setTimeout(resume, 500));
    }
    return fetch(input, init);
  };
  const tokens = new MemoryTokenStore({ access: pair.patient_token, refresh: "" });
  const patient = client({ tokens, fetch: slow });
  const heard: string[] = [];
  patient.on("notification", ({ title }) => heard.push(title));
  await patient.start();
  patient.connection.stop();
  await admin.notifications.write({ title: "while away", user_ids: [pair.patient_id] });
  patient.connection.start();
  await until(() => heard.length === 1, "what came meanwhile");
});

test("what was unread at the first look is no news, also where it was on a later page", async () => {
  const pair = aPair();
  const admin = await anAdmin();
  const say = (title: string): Promise<unknown> => admin.notifications.write({ title, user_ids: [pair.patient_id] });
  for (let number = 1; number <= 60; number += 1) await say(`old ${number}`);
  const patient = await having(pair.patient_token);
  const heard: string[] = [];
  patient.on("notification", ({ title }) => heard.push(title));
  const { results } = await patient.notifications.list({ unread: true });
  for (const { id } of results.slice(0, 20)) await patient.notifications.markRead(id);
  patient.connection.stop();
  await say("new");
  patient.connection.start();
  await until(() => heard.includes("new"), "the new one");
  assert.deepEqual(heard, ["new"]);
});
