// What is on its way out: in order per chat, again and again under the same id, until acked or refused.
import { Emitter } from "./emitter.js";
import { errorOfFailure, TherapyConnectError } from "./errors.js";
import type { Api } from "./api.js";
import { Outgoing, type Draft } from "./outgoing.js";
import { Backoff, pause } from "./pause.js";
import type { QueueStore } from "./queue-store.js";
import type { SentMessage } from "./types.js";

export interface OutboxEvents {
  /** A message is new here, or has another state. */
  changed: Outgoing;
}

interface Lane {
  readonly waiting: Outgoing[];
  running: boolean;
}

const BROKEN_ATTEMPTS = 8;

export class Outbox extends Emitter<OutboxEvents> {
  readonly #all = new Map<string, Outgoing>();
  readonly #lanes = new Map<string, Lane>();
  #wake = new AbortController();
  #user: string | null = null;
  #saved = 0;

  constructor(
    private readonly api: Api,
    private readonly store: QueueStore,
    private readonly most: number,
    private readonly onSent: (message: SentMessage) => void,
  ) {
    super();
  }

  /** What is not sent yet, in the order of its writing. */
  get all(): readonly Outgoing[] {
    return [...this.#all.values()];
  }

  /** Take a message; its `client_message_id` is made here, once. Throws `queue_full`. */
  add(draft: Draft): Outgoing {
    if (this.#user === null) {
      throw new TherapyConnectError({ code: "signed_out", message: "Nobody is signed in.", status: 401 });
    }
    // A call for help is never refused for what waits before it.
    if (draft.emergency !== true && this.#all.size >= this.most) {
      throw new TherapyConnectError({ code: "queue_full", message: "Too much waits to be sent." });
    }
    const body = { ...draft, client_message_id: draft.client_message_id ?? crypto.randomUUID() };
    const outgoing = new Outgoing(this, { body, sender: this.#user, order: this.#order() });
    this.#enter(outgoing, this.store.put(outgoing.record));
    return outgoing;
  }

  /** Who sends from now on: goes on with what waits of them, here and in the store; drops all else. */
  async open(userId: string): Promise<void> {
    if (this.#user === userId) return;
    this.#user = userId;
    for (const [id, outgoing] of this.#all) if (outgoing.record.sender !== userId) this.#all.delete(id);
    for (const lane of this.#lanes.values()) void this.#run(lane);
    const records = (await this.store.all()).filter((record) => record.sender === userId);
    for (const record of records.sort((one, other) => one.order - other.order)) {
      if (!this.#all.has(record.body.client_message_id)) {
        this.#enter(new Outgoing(this, record), Promise.resolve());
      }
    }
  }

  /** Nothing more goes out until `open`. */
  close(): void {
    this.#user = null;
    this.nudge();
  }

  /** Forget what waits, in the store too. */
  async clear(): Promise<void> {
    this.close();
    this.#all.clear();
    this.#lanes.clear();
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
    this.#enter(outgoing, Promise.resolve());
  }

  /** @internal */
  discard(outgoing: Outgoing): void {
    this.#all.delete(outgoing.id);
    void this.store.remove(outgoing.id);
    outgoing.fail(new TherapyConnectError({ code: "discarded", message: "It was taken back." }));
    this.emit("changed", outgoing);
  }

  /** @internal */
  told(outgoing: Outgoing): void {
    this.emit("changed", outgoing);
  }

  #order(): number {
    // Later than all before it, also than those of before a reload.
    this.#saved = Math.max(Date.now(), this.#saved + 1);
    return this.#saved;
  }

  /** Emergencies have a lane of their own: they wait for nothing that is not one. */
  #enter(outgoing: Outgoing, stored: Promise<void>): void {
    this.#all.set(outgoing.id, outgoing);
    const name = outgoing.body.chat_id + (outgoing.body.emergency === true ? "!" : "");
    const lane = this.#lanes.get(name) ?? { waiting: [], running: false };
    this.#lanes.set(name, lane);
    lane.waiting.push(outgoing);
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
        lane.waiting.shift();
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
      outgoing.is("sending");
      try {
        const sent = await this.api.post("/api/messages/send_message/", { body: outgoing.body });
        if (this.#all.get(outgoing.id) === outgoing) this.#all.delete(outgoing.id);
        await this.store.remove(outgoing.id).catch(() => undefined);
        outgoing.succeed(sent);
        this.onSent(sent);
        return true;
      } catch (cause) {
        const error = errorOfFailure(cause);
        if (this.#all.get(outgoing.id) !== outgoing) return this.#user !== null;
        broken = error.status === 500 ? broken + 1 : 0;
        if (error.code === "signed_out" || this.#user === null) {
          outgoing.wait(error);
          outgoing.is("queued");
          return false;
        }
        if ((!error.temporary && error.status !== 401) || broken >= BROKEN_ATTEMPTS) {
          outgoing.fail(error);
          return true;
        }
        outgoing.wait(error);
        await pause(backoff.next(error.retryAfter), this.#wake.signal);
      }
    }
    return this.#user !== null;
  }
}
