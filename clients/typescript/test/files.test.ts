// Files that wait for the virus scanner: what became of them reaches the messages that carry them.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Message } from "../dist/index.js";
import { proxyTo } from "./proxy.js";
import { aPair, ask, both, stopAll, until, URL_OF_SERVER } from "./world.js";

after(stopAll);

const words = (text: string): Blob => new Blob([text], { type: "text/plain" });

test("a file is checked after it was sent: both see it, also who had no line", async () => {
  const pair = aPair();
  const line = await proxyTo(URL_OF_SERVER);
  const { therapist, patient, t, p } = await both(pair, { therapist: { url: line.url } });
  await Promise.all([t.load(), p.load()]);
  const told: string[] = [];
  patient.on("attachment", ({ chatId, attachment }) => told.push(`${chatId} ${attachment.id} ${attachment.state}`));
  const changed: Message[] = [];
  p.on("changed", (message) => changed.push(message));
  await ask("scanner down");
  const file = await patient.uploads.send(p.id, words("plain"), { name: "notes.txt" });
  assert.deepEqual([file.state, file.size, file.name], ["scanning", 5, "notes.txt"]);
  const draft = { text: "My notes", message_type: "file", attachment_id: file.id } as const;
  const sent = await p.send(draft).sent();
  await until(() => t.messages[0]?.attachment_state === "scanning", "it is there, and waits");
  await assert.rejects(therapist.uploads.bytes(file.id), { code: "attachment_not_ready", status: 409 });
  line.down();
  await ask("scanner up");
  await until(() => p.messages[0]?.attachment_state === "ready", "the verdict", 60);
  assert.deepEqual(told, [`${p.id} ${file.id} ready`]);
  assert.ok(changed.some(({ id, attachment_state }) => id === sent.id && attachment_state === "ready"));
  assert.equal(t.messages[0]?.attachment_state, "scanning", "it was not told");
  line.up();
  therapist.connection.nudge();
  await until(() => t.messages[0]?.attachment_state === "ready", "asked after, once the line is back");
  assert.equal(await (await therapist.uploads.bytes(file.id)).text(), "plain");
  stopAll();
  await line.close();
});

test("uploads: refused in words, given up on the way, with nothing left of them", async () => {
  const pair = aPair();
  const line = await proxyTo(URL_OF_SERVER);
  const { patient, p } = await both(pair, { patient: { url: line.url } });
  const steps: number[] = [];
  const onProgress = (sent: number): void => void steps.push(sent);
  await patient.uploads.send(p.id, words("plain"), { name: "notes.txt", onProgress });
  assert.deepEqual(steps, [5]);
  const page = new Blob(["<script>1</script>"], { type: "text/html" });
  await assert.rejects(patient.uploads.send(p.id, page, { name: "x.html" }), { status: 415, code: "unsupported_type" });
  const elsewhere = patient.uploads.send("CHAT_t_nobody_p_nobody", words("x"), { name: "x.txt" });
  await assert.rejects(elsewhere, { status: 404, code: "not_found" });
  line.freeze();
  const control = new AbortController();
  const upload = patient.uploads.send(p.id, words("x".repeat(2_000_000)), { signal: control.signal, name: "x.txt" });
  setTimeout(() => control.abort(), 100);
  await assert.rejects(upload, { code: "aborted" });
  assert.equal(await ask(`files ${pair.chat_id}`), "1");
  stopAll();
  await line.close();
});
