// What happens while a client is away: chats that come, go and come back, calls for help.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { anAdmin, aPair, both, having, stopAll, until } from "./world.js";

after(stopAll);

test("a chat that can't be fetched when it is first heard of is there in the end, from its beginning", async () => {
  const [one, other] = [aPair(), aPair()];
  const chatId = `CHAT_${one.therapist_id}_${other.patient_id}`;
  let refusals = 0;
  const failing: typeof fetch = async (input, init) => {
    if (refusals >= 4 || !String(input).includes(`/api/chats/${chatId}/`)) return fetch(input, init);
    refusals += 1;
    return new Response("", { status: 502 });
  };
  await (await anAdmin()).care.begin(one.therapist_id, other.patient_id);
  const therapist = await having(one.therapist_token, { fetch: failing });
  const patient = await having(other.patient_token);
  const heard: string[] = [];
  therapist.on("message", ({ message }) => heard.push(message.text ?? ""));
  const chat = await patient.chats.open(one.therapist_id, other.patient_id);
  await chat.send({ text: "1" }).sent();
  await until(() => heard.length === 1, "it is heard");
  assert.equal(refusals, 4, "more often than a request is asked again");
  await chat.send({ text: "2" }).sent();
  await until(() => heard.length === 2, "it goes on");
  assert.deepEqual(heard, ["1", "2"]);
});

test("of two chats that are new one can't be fetched: the other is heard from its beginning, too", async () => {
  const [one, other, third] = [aPair(), aPair(), aPair()];
  const chatId = `CHAT_${one.therapist_id}_${third.patient_id}`;
  let refusals = 0;
  const failing: typeof fetch = async (input, init) => {
    if (refusals >= 4 || !String(input).includes(`/api/chats/${chatId}/`)) return fetch(input, init);
    refusals += 1;
    await until(() => therapist.chats.all.length === 2, "the other one is there");
    return new Response("", { status: 502 });
  };
  const therapist = await having(one.therapist_token, { fetch: failing });
  const heard: string[] = [];
  therapist.on("message", ({ message }) => heard.push(message.text ?? ""));
  therapist.connection.stop();
  const admin = await anAdmin();
  for (const { patient_id, patient_token } of [other, third]) {
    await admin.care.begin(one.therapist_id, patient_id);
    const patient = await having(patient_token);
    await (await patient.chats.open(one.therapist_id, patient_id)).send({ text: patient_id }).sent();
  }
  therapist.connection.start();
  await until(() => heard.length === 2, "both are heard");
  assert.deepEqual(heard.sort(), [other.patient_id, third.patient_id].sort());
  assert.equal(refusals, 4);
});

test("a chat that was deleted, and restored while nobody listened, is there again", async () => {
  const pair = aPair();
  const { therapist, patient, t } = await both(pair);
  await t.send({ text: "before" }).sent();
  const path = { id: pair.chat_id };
  await therapist.api.post("/api/chats/{id}/update_status/", { path, body: { status: "deleted" } });
  await until(() => patient.chats.all.length === 0, "it is gone");
  patient.connection.stop();
  const admin = await anAdmin();
  await admin.api.post("/api/chats/{id}/update_status/", { path, body: { status: "active" } });
  patient.connection.start();
  await until(() => patient.chats.all.length === 1, "it is back");
  const heard: string[] = [];
  patient.on("message", ({ message }) => heard.push(message.text ?? ""));
  await until(() => therapist.chats.all.length === 1, "at the therapist's, too");
  await therapist.chat(pair.chat_id).send({ text: "after" }).sent();
  await until(() => heard.length === 1, "it goes on");
  assert.deepEqual(heard, ["after"]);
});

test("calls for help while nobody listened ring once each, said so or flagged later", async () => {
  const { therapist, p } = await both(aPair());
  const rung: (string | null)[] = [];
  let heard = 0;
  therapist.on("emergency", ({ message }) => rung.push(message.text));
  therapist.on("message", () => (heard += 1));
  therapist.connection.stop();
  const { id } = await p.send({ text: "flagged" }).sent();
  await p.send({ text: "Help", emergency: true }).sent();
  await p.flag(id);
  await p.send({ text: "the end" }).sent();
  therapist.connection.start();
  await until(() => heard === 3, "all three");
  assert.deepEqual(rung, ["Help", "flagged"]);
});
