// What the tests have: a server that runs, pairs of people, and somebody who can kill and lock.
import net from "node:net";
import { MemoryTokenStore, TherapyConnect, type Chat, type Options } from "../dist/index.js";

export interface Pair {
  readonly therapist_id: string;
  readonly patient_id: string;
  readonly chat_id: string;
  readonly therapist_token: string;
  readonly patient_token: string;
}

const given = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: these tests are run by tests/clients`);
  return value;
};

export const URL_OF_SERVER = given("SERVER");
export const PASSWORD = given("PASSWORD");
const PAIRS = JSON.parse(given("PAIRS")) as Pair[];

/** A pair that no other test uses. */
export function aPair(): Pair {
  const pair = PAIRS.shift();
  if (pair === undefined) throw new Error("no more pairs");
  return pair;
}

export const emailOf = (userId: string): string => `${userId}@demo.test`;

const clients: TherapyConnect[] = [];

/** A client that is not signed in. */
export function client(options: Partial<Options> = {}): TherapyConnect {
  const made = new TherapyConnect({ url: URL_OF_SERVER, ...options });
  clients.push(made);
  return made;
}

/** Logged in by password, and connected. */
export async function loggedIn(userId: string, options: Partial<Options> = {}): Promise<TherapyConnect> {
  const made = client(options);
  const logIn = await made.logIn({ email: emailOf(userId), password: PASSWORD });
  if (!logIn.done) throw new Error("a second factor was asked for");
  return made.start();
}

/** Who holds this token, connected. */
export function having(access: string, options: Partial<Options> = {}): Promise<TherapyConnect> {
  return client({ tokens: new MemoryTokenStore({ access, refresh: "" }), ...options }).start();
}

/** Who runs the clinic. */
export async function anAdmin(): Promise<TherapyConnect> {
  const admin = client();
  await admin.logIn({ email: "admin@demo.test", password: PASSWORD });
  return admin.start();
}

/** Both of a pair, connected, with tokens that are good for an hour. */
export async function both(
  pair: Pair,
  options: { therapist?: Partial<Options>; patient?: Partial<Options> } = {},
): Promise<{ therapist: TherapyConnect; patient: TherapyConnect; t: Chat; p: Chat }> {
  const [therapist, patient] = await Promise.all([
    having(pair.therapist_token, options.therapist),
    having(pair.patient_token, options.patient),
  ]);
  return { therapist, patient, t: therapist.chat(pair.chat_id), p: patient.chat(pair.chat_id) };
}

/** Try again now, as when a browser says `online`: pauses after an outage grow up to half a minute. */
export function hurry(...those: TherapyConnect[]): void {
  for (const one of those) {
    one.connection.nudge();
    one.outbox.nudge();
  }
}

export function stopAll(): void {
  for (const one of clients.splice(0)) one.stop();
}

/** Until it holds; what it is asked after is looked at often, and given up after a long while. */
export async function until(holds: () => boolean, what: string, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

/** Ask whoever runs the server: `kill`, `start`, `lock`, `unlock`, `mint <seconds> <token>`, `revoke <user>`. */
export function ask(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(given("CONTROL")), "127.0.0.1", () => socket.end(`${command}\n`));
    let answer = "";
    socket.on("data", (data) => (answer += data.toString()));
    socket.on("error", reject);
    socket.on("close", () => (answer.startsWith("ok") ? resolve(answer.slice(3).trim()) : reject(new Error(answer))));
  });
}

/** Chance, repeatable: the same seed, the same numbers. */
export function dice(name: string): () => number {
  let state = [...`${given("TC_SEED")} ${name}`].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
