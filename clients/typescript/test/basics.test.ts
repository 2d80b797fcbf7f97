// What two people do with each other, over the real server.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { TherapyConnectError, type NewMessage } from "../dist/index.js";
import { aPair, both, client, emailOf, having, loggedIn, PASSWORD, stopAll, until } from "./world.js";

after(stopAll);

test("a message arrives, once, and its sender sees it delivered and read", async () => {
  const { t, p, therapist } = await both(aPair());
  const heard: NewMessage[] = [];
  therapist.on("message", (news) => heard.push(news));
  await t.load();
  await p.load();
  const states: string[] = [];
  const outgoing = p.send({ text: "Good morning" });
  assert.equal(p.outgoing[0], outgoing);
  p.on("changed", (message) => states.push(message.read_status));
  const sent = await outgoing.sent();
  assert.equal(outgoing.state, "sent");
  assert.equal(sent.client_message_id, outgoing.id);
  assert.deepEqual(p.outgoing, []);
  await until(() => heard.length === 1, "the therapist hears it");
  assert.equal(heard[0]?.message.text, "Good morning");
  assert.equal(heard[0]?.notify, true);
  assert.equal(t.unread, 1);
  assert.equal(therapist.chats.unread, 1);
  await until(() => states.includes("delivered"), "delivered");
  t.markRead();
  assert.equal(t.unread, 0);
  await until(() => states.includes("read"), "read");
  assert.equal(p.messages[0]?.read_status, "read");
  assert.equal(p.receipts.therapist.read_seq, sent.seq);
  assert.equal((await t.fetch()).unread_count, 0);
});

test("edit, delete and restore reach the other one in order", async () => {
  const { t, p } = await both(aPair());
  await Promise.all([t.load(), p.load()]);
  const { id } = await p.send({ text: "frist" }).sent();
  await p.edit(id, "first");
  await until(() => t.messages[0]?.text === "first", "the edit");
  await p.deleteMessage(id);
  await until(() => t.messages[0]?.deleted === true, "the deletion");
  assert.equal(t.messages[0]?.text, null);
  await until(() => t.unread === 0, "what is deleted is not unread");
  await p.restoreMessage(id);
  await until(() => t.messages[0]?.text === "first", "the restoring");
  assert.deepEqual(
    (await t.versions(id)).results.map((version) => version.text),
    ["frist"],
  );
  await until(() => t.unread === 1, "restored is unread anew");
});

test("typing and presence come, and typing goes by itself", async () => {
  const two = aPair();
  const { t, p, patient } = await both(two);
  await until(() => t.online === true, "the patient is there");
  for (let stroke = 0; stroke < 50; stroke += 1) p.type();
  await until(() => t.typing, "typing");
  p.type(false);
  await until(() => !t.typing, "typing no more");
  p.type();
  await until(() => t.typing, "typing again");
  patient.stop();
  await until(() => t.online === false && !t.typing, "gone, and types no more");
});

test("history turns pages; search finds part of a word", async () => {
  const { t, p } = await both(aPair());
  const sent = Array.from({ length: 60 }, (_, number) => p.send({ text: `line ${number}` }));
  await Promise.all(sent.map((one) => one.sent()));
  assert.deepEqual((await t.load()).map((message) => message.text)[0], "line 10");
  assert.equal(await t.loadOlder(), false, "that was all");
  assert.deepEqual(
    t.messages.map((message) => message.text),
    sent.map((one) => one.body.text),
  );
  const found = await t.search("INE 1");
  assert.equal(found.results.length, 11);
  await until(() => t.unread === 60, "all of it is unread");
  t.markRead(30);
  await until(() => t.unread === 30, "half of it is read");
});

test("a refusal is typed, and the queue goes on behind it", async () => {
  const { p } = await both(aPair());
  const blank = p.send({ text: "   " });
  const next = p.send({ text: "after it" });
  await assert.rejects(blank.sent(), (error: unknown) => {
    assert.ok(error instanceof TherapyConnectError);
    assert.deepEqual([error.code, error.status, error.attr], ["blank", 400, "text"]);
    assert.match(error.requestId ?? "", /\S{8}/);
    return true;
  });
  assert.equal(blank.state, "failed");
  await next.sent();
  assert.deepEqual(p.outgoing, [blank]);
  blank.retry();
  await assert.rejects(blank.sent());
  blank.discard();
  assert.deepEqual(p.outgoing, []);
});

test("an urgent message has whom to call, sent or refused; the alert tells what happened", async () => {
  const { therapist, patient, t, p } = await both(aPair());
  const urgent: string[] = [];
  therapist.on("emergency", ({ message }) => urgent.push(message.id));
  const help = p.send({ text: "Please call me", emergency: true });
  const { id } = await help.sent();
  assert.ok(help.crisisResources.length > 0);
  assert.equal(help.alert?.message_id, id);
  await until(() => urgent.includes(id), "the therapist is told");
  await until(() => therapist.alerts.open.length === 1, "the alert is open");
  await until(() => patient.alerts.open[0]?.state === "delivered", "a device has it");
  const alert = therapist.alerts.open[0];
  assert.ok(alert);
  await therapist.alerts.acknowledge(alert.id);
  await until(() => patient.alerts.open[0]?.state === "acknowledged", "somebody takes it");
  await therapist.alerts.resolve(alert.id);
  await until(() => patient.alerts.open.length === 0, "it is over");

  await t.setStatus("blocked");
  const refused = p.send({ text: "Again", emergency: true });
  await assert.rejects(refused.sent(), { code: "chat_blocked", status: 403 });
  assert.ok(refused.crisisResources.length > 0);
  await until(() => p.detail.status === "blocked", "the chat says that it is blocked");
});

test("a flag that comes later is told once", async () => {
  const { therapist, p } = await both(aPair());
  const urgent: string[] = [];
  const heard: string[] = [];
  therapist.on("emergency", ({ message }) => urgent.push(message.id));
  therapist.on("message", ({ message }) => heard.push(message.id));
  const { id } = await p.send({ text: "It is not so bad" }).sent();
  await p.send({ text: "or is it" }).sent();
  await p.flag(id);
  await p.send({ text: "it is" }).sent();
  await until(() => heard.length === 3, "all three");
  assert.deepEqual(urgent, [id]);
});

test("a flag that comes when all is read is confirmed by the device that hears of it", async () => {
  const { therapist, patient, t, p } = await both(aPair());
  await t.load();
  const { id } = await p.send({ text: "It is not so bad" }).sent();
  await until(() => t.messages.length === 1, "it is there");
  t.markRead();
  await until(() => p.receipts.therapist.read_seq > 0 && t.unread === 0, "it is read");
  await p.flag(id);
  await until(() => patient.alerts.open[0]?.state === "delivered", "a device has it");
  assert.equal(therapist.alerts.open[0]?.message_id, id);
});

test("an alert that was raised while no device was there is confirmed by the first that comes", async () => {
  const pair = aPair();
  const { therapist, patient, t, p } = await both(pair);
  await t.load();
  const { id } = await p.send({ text: "It is not so bad" }).sent();
  await until(() => t.messages.length === 1, "it is there");
  t.markRead();
  await until(() => p.receipts.therapist.read_seq > 0 && t.unread === 0, "it is read");
  therapist.stop();
  await p.flag(id);
  assert.equal(patient.alerts.open[0]?.state ?? "raised", "raised");
  await having(pair.therapist_token);
  await until(() => patient.alerts.open[0]?.state === "delivered", "a device has it");
});

test("a flag of a message that was said long ago leaves no hole in the history", async () => {
  const { t, p } = await both(aPair());
  const sent = [];
  for (let number = 1; number <= 60; number += 1) sent.push(p.send({ text: String(number) }));
  const [, , third] = await Promise.all(sent.map((one) => one.sent()));
  await t.load();
  assert.equal(t.messages.length, 50);
  await p.flag(third?.id ?? "");
  await until(() => t.detail.last_seq === 61, "the flag is heard");
  await t.loadOlder();
  assert.deepEqual(t.messages.map(({ text }) => text), Array.from(sent, (_, index) => String(index + 1)));
  assert.equal(t.messages[2]?.emergency, true);
});

test("what was hidden is taken away; what comes after is seen", async () => {
  const two = aPair();
  const { therapist, t, p } = await both(two);
  await p.load();
  await t.send({ text: "for now" }).sent();
  await until(() => p.messages.length === 1, "it is here");
  const path = { id: t.detail.room.id };
  await therapist.api.post("/api/chat-rooms/{id}/update_permissions/", { path, body: { patient_can_see_history: false } });
  await until(() => p.messages.length === 0, "it is hidden");
  await t.send({ text: "after" }).sent();
  await until(() => p.messages.length === 1 && p.messages[0]?.text === "after", "what comes after");
});

test("lists, settings and marks are typed and answered", async () => {
  const two = aPair();
  const { therapist, t, p } = await both(two);
  assert.equal((await therapist.me()).role, "therapist");
  await p.send({ text: "Hello" }).sent();
  await until(() => t.unread === 1, "it is unread");
  assert.deepEqual(await therapist.chats.ordered({ ordering: "priority", unread: true }), [t]);
  t.markRead();
  await until(() => t.receipts.therapist.read_seq === 1, "read");
  await t.markUnread();
  assert.equal(t.detail.marked_unread, true);
  await t.setNotifications(false);
  assert.equal(t.detail.therapist_notifications, false);
  const again = await therapist.chats.open(two.therapist_id, two.patient_id);
  assert.equal(again, t);
  const given = { path: { id: "CHAT_t_nobody_p_nobody" } };
  await assert.rejects(therapist.api.get("/api/chats/{id}/", given), { code: "not_found", status: 404 });
});

test("a wrong password is refused, and no file goes where none is taken", async () => {
  const two = aPair();
  const stranger = client();
  const wrong = stranger.logIn({ email: emailOf(two.patient_id), password: `not ${PASSWORD}` });
  await assert.rejects(wrong, { status: 400, code: "email_password_mismatch" });
  await assert.rejects(stranger.start(), { code: "signed_out" });
  const patient = await loggedIn(two.patient_id);
  const given_up = AbortSignal.abort();
  const upload = patient.uploads.send(two.chat_id, new Blob(["x"]), { signal: given_up });
  await assert.rejects(upload, { code: "aborted" });
});
