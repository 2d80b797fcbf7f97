// What is on its way out: in order per chat, again and again under the same id, until acked or refused.
import type { Api } from "./api.js";
import { Emitter } from "./emitter.js";
import { errorOfFailure, signedOut, TherapyConnectError } from "./errors.js";
import { Outgoing, type Draft } from "./outgoing.js";
import { Backoff, pause } from "./pause.js";
import type { QueueStore } from "./queue-store.js";
import type { CrisisResource, SentMessage } from "./types.js";

export interface OutboxEvents {
  /** A message is new here, or has another state. */
  changed: Outgoing;
}

interface Lane {
  readonly waiting: Outgoing[];
  running: boolean;
}

const BROKEN_ATTEMPTS = 8;
const LOOKED_BACK = 100;

export class Outbox extends Emitter<OutboxEvents> {
  readonly #all = new Map<string, Outgoing>();
  readonly #lanes = new Map<string, Lane>();
  /** What the store surely had: where it has it no more, another tab sent it, or took it back. */
  readonly #stored = new Set<string>();
  #wake = new AbortController();
  #user: string | null = null;
  #latest = 0;

  constructor(
    private readonly api: Api,
    private readonly store: QueueStore,
    private readonly most: number,
    private readonly crisis: () => readonly CrisisResource[],
    private readonly onSent: (message: SentMessage) => void,
  ) {
    super();
  }

  /** What is not sent yet, in the order of its writing. */
  get all(): readonly Outgoing[] {
    return [...this.#all.values()].sort((one, other) => one.record.order - other.record.order);
  }

  /** Take a message; its `client_message_id` is made here, once. Throws `queue_full`. */
  add(draft: Draft): Outgoing {
    if (this.#user === null) throw signedOut();
    // A call for help is never refused for what waits before it.
    if (draft.emergency !== true && this.#all.size >= this.most) {
      throw new TherapyConnectError({ code: "queue_full", message: "Too much waits to be sent." });
    }
    const body = { ...draft, client_message_id: draft.client_message_id ?? crypto.randomUUID() };
    const record = { body, sender: this.#user, order: this.#order() };
    const outgoing = new Outgoing(this, record, body.emergency === true ? this.crisis() : []);
    this.#enter(outgoing, this.#put(outgoing));
    return outgoing;
  }

  /** Who sends from now on: goes on with what waits of them, here and in the store. */
  async open(userId: string): Promise<void> {
    if (this.#user === userId) return;
    this.#user = userId;
    for (const lane of this.#lanes.values()) void this.#run(lane);
    const records = (await this.store.all()).filter((record) => record.sender === userId);
    if (this.#user !== userId) return;
    for (const record of records.sort((one, other) => one.order - other.order)) {
      // What is written from now on is later, also where the clock was set back since.
      this.#latest = Math.max(this.#latest, record.order);
      this.#stored.add(record.body.client_message_id);
      if (this.#all.has(record.body.client_message_id)) continue;
      const outgoing = new Outgoing(this, record, record.body.emergency === true ? this.crisis() : []);
      if (record.failed === undefined) this.#enter(outgoing, Promise.resolve());
      else {
        this.#all.set(outgoing.id, outgoing);
        this.emit("changed", outgoing);
      }
    }
  }

  /** Nothing more goes out until `open`. */
  close(): void {
    this.#user = null;
    this.nudge();
  }

  /** Nobody is signed in any more: what waits is in the store alone, for their next log-in. */
  leave(): void {
    this.close();
    const left = this.all;
    this.#all.clear();
    this.#lanes.clear();
    this.#stored.clear();
    for (const outgoing of left) if (outgoing.state !== "failed") outgoing.fail(signedOut());
  }

  /** Forget what waits, in the store too. */
  async clear(): Promise<void> {
    this.leave();
    await this.store.clear();
  }

  /** Try again now: the network is back. */
  nudge(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** @internal */
  again(outgoing: Outgoing): void {
    if (this.#all.get(outgoing.id) !== outgoing || outgoing.state !== "failed") return;
    outgoing.is("queued");
    this.#enter(outgoing, this.#put(outgoing));
  }

  /** @internal */
  discard(outgoing: Outgoing): void {
    this.#drop(outgoing.id);
    this.store.remove(outgoing.id).catch(() => undefined);
    outgoing.fail(discarded());
    this.emit("changed", outgoing);
  }

  /** @internal */
  told(outgoing: Outgoing): void {
    this.emit("changed", outgoing);
  }

  #order(): number {
    this.#latest = Math.max(Date.now(), this.#latest + 1);
    return this.#latest;
  }

  async #put(outgoing: Outgoing, failed?: TherapyConnectError): Promise<void> {
    const { failed: _, ...record } = outgoing.record;
    const why = failed && { code: failed.code, message: failed.message, status: failed.status };
    await this.store.put(why === undefined ? record : { ...record, failed: why });
    this.#stored.add(outgoing.id);
    // Settled while it was being stored: it must not be sent again after a reload.
    if (this.#user !== null && !this.#all.has(outgoing.id)) await this.store.remove(outgoing.id);
  }

  #drop(id: string): void {
    this.#all.delete(id);
    this.#stored.delete(id);
  }

  /** Emergencies have a lane of their own: they wait for nothing that is not one. */
  #enter(outgoing: Outgoing, stored: Promise<void>): void {
    this.#all.set(outgoing.id, outgoing);
    const name = laneOf(outgoing);
    const lane = this.#lanes.get(name) ?? { waiting: [], running: false };
    this.#lanes.set(name, lane);
    const later = lane.waiting.findIndex((one) => one.record.order > outgoing.record.order);
    lane.waiting.splice(later === -1 ? lane.waiting.length : later, 0, outgoing);
    this.emit("changed", outgoing);
    // On disk first: what is sent and forgotten by a reload could not be settled. An emergency goes at once.
    const ready = outgoing.body.emergency === true ? Promise.resolve() : stored;
    void ready.catch(() => undefined).then(() => this.#run(lane));
    stored.catch(() => undefined);
  }

  async #run(lane: Lane): Promise<void> {
    if (lane.running || this.#user === null) return;
    lane.running = true;
    try {
      for (let next = lane.waiting[0]; next !== undefined; next = lane.waiting[0]) {
        if (!(await this.#send(next))) return;
        lane.waiting.splice(lane.waiting.indexOf(next), 1);
      }
    } finally {
      lane.running = false;
    }
  }

  /** Until it is acked, refused or discarded; false where nobody is signed in any more. */
  async #send(outgoing: Outgoing): Promise<boolean> {
    const backoff = new Backoff();
    let broken = 0;
    while (this.#all.get(outgoing.id) === outgoing) {
      if (this.#user !== outgoing.record.sender) {
        outgoing.is("queued");
        return false;
      }
      outgoing.is("sending");
      try {
        const sent = await this.#ask(outgoing);
        if (this.#left(outgoing)) return false;
        if (this.#all.get(outgoing.id) === outgoing) this.#drop(outgoing.id);
        if (sent === null) outgoing.fail(discarded());
        else {
          outgoing.succeed(sent);
          this.onSent(sent);
        }
        return true;
      } catch (cause) {
        const error = errorOfFailure(cause);
        if (this.#left(outgoing)) return false;
        if (this.#all.get(outgoing.id) !== outgoing) return this.#user !== null;
        outgoing.wait(error);
        broken = error.status === 500 ? broken + 1 : 0;
        if (error.code === "signed_out" || error.code === "aborted") {
          outgoing.is("queued");
          return false;
        }
        if ((!error.temporary && error.status !== 401) || broken >= BROKEN_ATTEMPTS) {
          outgoing.fail(error);
          await this.#put(outgoing, error).catch(() => undefined);
          return true;
        }
        await pause(backoff.next(error.retryAfter), this.#wake.signal);
      }
    }
    return this.#user !== null;
  }

  /** Whether its sender logged out meanwhile: what becomes of it is told to nobody who comes after. */
  #left(outgoing: Outgoing): boolean {
    return this.#user !== outgoing.record.sender && this.#all.get(outgoing.id) !== outgoing;
  }

  /** One request, by one tab at a time; null where it was taken back in another tab. */
  #ask(outgoing: Outgoing): Promise<SentMessage | null> {
    const { store } = this;
    const ask = async (): Promise<SentMessage> => {
      // The server refuses it where the tokens are another user's by now.
      const body = { ...outgoing.body, sender_id: outgoing.record.sender };
      const sent = await this.api.post("/api/messages/send_message/", { body });
      await store.remove(outgoing.id).catch(() => undefined);
      return sent;
    };
    // A call for help waits for no other tab.
    if (store.exclusively === undefined || outgoing.body.emergency === true) return ask();
    return store.exclusively(laneOf(outgoing), async () => {
      const elsewhere = this.#stored.has(outgoing.id) && (await store.has?.(outgoing.id)) === false;
      return elsewhere ? this.#found(outgoing) : ask();
    });
  }

  /** What another tab sent. */
  async #found({ id, body, record }: Outgoing): Promise<SentMessage | null> {
    const query = { chat_id: body.chat_id, sender_id: record.sender, limit: LOOKED_BACK };
    const page = await this.api.get("/api/messages/", { query });
    return page.results.find((message) => message.client_message_id === id) ?? null;
  }
}

function laneOf({ body }: Outgoing): string {
  return body.chat_id + (body.emergency === true ? "!" : "");
}

function discarded(): TherapyConnectError {
  return new TherapyConnectError({ code: "discarded", message: "It was taken back." });
}
