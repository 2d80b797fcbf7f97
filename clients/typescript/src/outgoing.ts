// One message on its way out, and what is known of it.
import { TherapyConnectError } from "./errors.js";
import type { Outbox } from "./outbox.js";
import type { Alert, CrisisResource, SendBody, SentMessage } from "./types.js";

/** What one gives to send; the id may be left to the queue. */
export type Draft = Omit<SendBody, "sender_id" | "user_id" | "client_message_id"> & {
  client_message_id?: string;
};

/** What a queue's store keeps of a message. It holds the text: keep it where only its user reads. */
export interface QueueRecord {
  readonly body: Draft & { readonly client_message_id: string };
  readonly sender: string;
  readonly order: number;
  /** Of one that was refused: it waits for `retry` or `discard`. */
  readonly failed?: { readonly code: string; readonly message: string; readonly status: number };
}

export type OutgoingState = "queued" | "sending" | "sent" | "failed";

export class Outgoing {
  #state: OutgoingState = "queued";
  #error: TherapyConnectError | null = null;
  #message: SentMessage | null = null;
  #crisis: readonly CrisisResource[] = [];
  #settled: { resolve(message: SentMessage): void; reject(error: Error): void }[] = [];

  /** @internal */
  constructor(
    private readonly outbox: Outbox,
    readonly record: QueueRecord,
    crisis: readonly CrisisResource[] = [],
  ) {
    this.#crisis = crisis;
    if (record.failed === undefined) return;
    this.#state = "failed";
    this.#error = new TherapyConnectError(record.failed);
  }

  /** The `client_message_id`; the message that arrives carries it too. */
  get id(): string {
    return this.record.body.client_message_id;
  }

  get body(): QueueRecord["body"] {
    return this.record.body;
  }

  /** `queued` waits for its turn; `sending` is on its way, or is asked again; a failed one was refused. */
  get state(): OutgoingState {
    return this.#state;
  }

  /** Why it failed; while it is being sent, what the last attempt met. */
  get error(): TherapyConnectError | null {
    return this.#error;
  }

  /** The message as the server acked it. */
  get message(): SentMessage | null {
    return this.#message;
  }

  /**
   * Of a patient's emergency: whom to call. Show them. At once where this client has heard it before
   * (`client.crisisResources`), and then as any answer says it, also a refusal.
   */
  get crisisResources(): readonly CrisisResource[] {
    return this.#crisis;
  }

  /** Of a patient's emergency: only what has truly happened. */
  get alert(): Alert | null {
    return this.#message?.emergency_alert ?? null;
  }

  /** The message, once it is acked; rejects once it was refused or discarded. */
  sent(): Promise<SentMessage> {
    if (this.#message !== null) return Promise.resolve(this.#message);
    if (this.#state === "failed" && this.#error !== null) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => this.#settled.push({ resolve, reject }));
  }

  /** Send a failed one again, under its id: it is there once, whatever became of it before. */
  retry(): void {
    this.outbox.again(this);
  }

  /** Take it out of the queue. What is on its way may still arrive. */
  discard(): void {
    if (this.#state !== "sent") this.outbox.discard(this);
  }

  /** @internal */
  is(state: OutgoingState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.outbox.told(this);
  }

  /** @internal */
  wait(error: TherapyConnectError): void {
    this.#meet(error);
    this.outbox.told(this);
  }

  /** @internal */
  fail(error: TherapyConnectError): void {
    this.#meet(error);
    this.is("failed");
    for (const one of this.#settled.splice(0)) one.reject(error);
  }

  /** @internal */
  succeed(message: SentMessage): void {
    this.#message = message;
    this.#error = null;
    this.#crisis = message.crisis_resources ?? this.#crisis;
    this.is("sent");
    for (const one of this.#settled.splice(0)) one.resolve(message);
  }

  #meet(error: TherapyConnectError): void {
    this.#error = error;
    if (error.crisisResources.length > 0) this.#crisis = error.crisisResources;
  }
}
