// Log-in and what follows from it: second factors, ends of tokens, rotation, ends of sessions.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, test } from "node:test";
import { MemoryTokenStore, type Tokens } from "../dist/index.js";
import { aPair, ask, client, emailOf, loggedIn, PASSWORD, stopAll, until } from "./world.js";

after(stopAll);

test("a second factor is asked for: a wrong code may be tried again, a recovery code opens", async () => {
  const { patient_id } = aPair();
  const enrolling = await loggedIn(patient_id);
  await enrolling.account.confirm(PASSWORD);
  const { secret, url } = await enrolling.account.beginTotp();
  assert.match(url, /^otpauth:/);
  // At the turn of half a minute the first may be too late.
  await enrolling.account.activateTotp(totp(secret)).catch(() => enrolling.account.activateTotp(totp(secret)));
  const [recovery] = await enrolling.account.recoveryCodes();
  assert.ok(recovery);
  const again = client();
  const first = await again.logIn({ email: emailOf(patient_id), password: PASSWORD });
  assert.ok(!first.done);
  assert.deepEqual([...first.factor.types].sort(), ["recovery_codes", "totp"]);
  assert.equal(again.userId, null);
  await assert.rejects(first.factor.withCode("000000"), { code: "incorrect_code", status: 400 });
  const second = await first.factor.withCode(recovery);
  assert.deepEqual(second, { done: true, userId: patient_id });
  assert.equal((await again.me()).id, patient_id);
  assert.ok((await again.account.sessions()).length >= 2);
  const renewed = await enrolling.account.renewRecoveryCodes();
  assert.ok(renewed.length > 0 && !renewed.includes(recovery));
  const kinds = (await enrolling.account.authenticators()).map(({ type }) => type);
  assert.deepEqual(kinds.sort(), ["recovery_codes", "totp"]);
});

test("a socket outlives its token; one that can't be renewed ends with it", async () => {
  const pair = aPair();
  const store = new MemoryTokenStore();
  const logged = client({ tokens: store });
  await logged.logIn({ email: emailOf(pair.patient_id), password: PASSWORD });
  const { access, refresh } = (await store.read()) as Tokens;
  const short = await ask(`mint 13 ${access}`);
  const ends = Date.now() + 13_500;
  const tokens = new MemoryTokenStore({ access: short, refresh });
  const renewed = await client({ tokens, renewSeconds: 8 }).start();
  const states: string[] = [];
  renewed.on("connection", ({ status }) => states.push(status));
  const hopeless = client({ tokens: new MemoryTokenStore({ access: short, refresh: "none" }), renewSeconds: 0 });
  await hopeless.start();
  const users: (string | null)[] = [];
  hopeless.on("user", (userId) => users.push(userId));
  await until(() => users.length === 1, "it was signed out");
  assert.deepEqual(users, [null]);
  assert.equal(hopeless.connection.state.status, "stopped");
  await new Promise((resume) => setTimeout(resume, Math.max(0, ends + 3_000 - Date.now())));
  assert.deepEqual(states, [], "the same socket all the time");
  assert.notEqual((await tokens.read())?.access, short);
  const heard: string[] = [];
  renewed.on("message", ({ message }) => heard.push(message.text ?? ""));
  await renewed.chat(pair.chat_id).send({ text: "still here" }).sent();
  await until(() => heard.length === 1, "it still hears");
});

test("however many find a token too old, it is refreshed once; tabs take turns", async () => {
  const { patient_id } = aPair();
  let refreshes = 0;
  const counted: typeof fetch = (input, init) => {
    if (String(input).includes("tokens/refresh")) refreshes += 1;
    return fetch(input, init);
  };
  const store = new SharedStore();
  const tabs = [client({ tokens: store, fetch: counted }), client({ tokens: store, fetch: counted })];
  await tabs[0]?.logIn({ email: emailOf(patient_id), password: PASSWORD });
  const old = (await store.read()) as Tokens;
  const asked = Array.from({ length: 20 }, (_, number) => tabs[number % 2]?.session.renew(old.access));
  const got = new Set(await Promise.all(asked));
  assert.equal(refreshes, 1);
  assert.equal(got.size, 1);
  const fresh = (await store.read()) as Tokens;
  assert.notEqual(fresh.refresh, old.refresh);
  assert.equal((await tabs[1]?.me())?.id, patient_id);
});

test("the answer to a refresh is lost: it is asked again, and the session goes on", async () => {
  const { patient_id } = aPair();
  let lost = 0;
  const losing: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    if (!String(input).includes("tokens/refresh") || lost >= 2) return answer;
    lost += 1;
    throw new TypeError("fetch failed");
  };
  const store = new MemoryTokenStore();
  const logged = client({ tokens: store, fetch: losing });
  await logged.logIn({ email: emailOf(patient_id), password: PASSWORD });
  const old = (await store.read()) as Tokens;
  const fresh = await logged.session.renew(old.access);
  assert.equal(lost, 2);
  assert.notEqual(fresh, old.access);
  assert.notEqual(await logged.session.renew(fresh), fresh);
});

test("refreshes that are never answered, twice: the third is in time for the old token", async () => {
  const { patient_id } = aPair();
  let stalled = 0;
  const stalling: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    if (!String(input).includes("tokens/refresh") || stalled >= 2) return answer;
    stalled += 1;
    return new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(new TypeError("fetch failed"))));
  };
  const store = new MemoryTokenStore();
  const logged = client({ tokens: store, fetch: stalling });
  await logged.logIn({ email: emailOf(patient_id), password: PASSWORD });
  const old = (await store.read()) as Tokens;
  assert.notEqual(await logged.session.renew(old.access), old.access);
  assert.equal(logged.userId, patient_id);
});

test("a session that is ended elsewhere ends here: socket, tokens, what was held", async () => {
  const { patient_id, chat_id } = aPair();
  const here = await loggedIn(patient_id);
  const there = await loggedIn(patient_id);
  const others = (await there.account.sessions()).filter((one) => !one.is_current);
  let ended = false;
  here.on("user", (userId) => (ended = userId === null));
  await there.account.endSessions(others.map(({ id }) => id));
  await until(() => ended, "it heard of it");
  assert.deepEqual(here.chats.all, []);
  assert.equal(here.connection.state.status, "stopped");
  await assert.rejects(here.me(), { code: "signed_out" });
  await there.chat(chat_id).send({ text: "this one lives" }).sent();
  await there.logOut();
  assert.equal(there.userId, null);
  await assert.rejects(there.start(), { code: "signed_out" });
});

test("a clock that is wrong by hours refreshes nothing over and over", async () => {
  const { patient_id, chat_id } = aPair();
  const asked: string[] = [];
  const counted: typeof fetch = (input, init) => {
    asked.push(new URL(String(input)).pathname);
    return fetch(input, init);
  };
  const now = Date.now;
  Date.now = () => now() + 3 * 3_600_000;
  try {
    const tokens = new MemoryTokenStore();
    const ahead = client({ tokens, fetch: counted });
    await ahead.logIn({ email: emailOf(patient_id), password: PASSWORD });
    await ahead.start();
    for (let time = 0; time < 5; time += 1) await ahead.me();
    await ahead.chat(chat_id).send({ text: "at the wrong time" }).sent();
    assert.equal(asked.filter((path) => path.endsWith("tokens/refresh")).length, 0);
    Date.now = now; // it is set right
    await ahead.me();
    assert.equal(ahead.userId, patient_id);
    assert.ok(ahead.connection.online);
  } finally {
    Date.now = now;
  }
});

test("what is no token in the store is nobody's", async () => {
  const broken = client({ tokens: new MemoryTokenStore({ access: "not a token", refresh: "none" }) });
  await assert.rejects(broken.start(), { code: "signed_out" });
});

test("log-out is at once where there is no line, and no refresh under way undoes it", async () => {
  const { patient_id } = aPair();
  const store = new MemoryTokenStore();
  let answer: (() => void) | null = null;
  const holding: typeof fetch = async (input, init) => {
    const given = await fetch(input, init);
    if (String(input).includes("tokens/refresh") && answer === null) {
      await new Promise<void>((resume) => (answer = resume));
    }
    return given;
  };
  const tab = client({ tokens: store, fetch: holding });
  await tab.logIn({ email: emailOf(patient_id), password: PASSWORD });
  const { access } = (await store.read()) as Tokens;
  const renewing = tab.session.renew(access);
  await until(() => answer !== null, "the refresh is under way");
  const other = client({ tokens: store, fetch: () => Promise.reject(new TypeError("fetch failed")) });
  await other.session.restore();
  await other.logOut();
  assert.equal(await store.read(), null);
  (answer as (() => void) | null)?.();
  await assert.rejects(renewing, { code: "signed_out" });
  assert.equal(await store.read(), null);
  await assert.rejects(tab.start(), { code: "signed_out" });
});

/** As two tabs have it: one store, and a lock. */
class SharedStore extends MemoryTokenStore {
  #last: Promise<unknown> = Promise.resolve();

  exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

function totp(secret: string): string {
  const bits = [...secret.replace(/=+$/, "")].map((letter) =>
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"),
  );
  const key = Buffer.from((bits.join("").match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const number = mac.readUInt32BE((mac[19] ?? 0) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}
