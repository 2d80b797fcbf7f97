// Where outgoing messages wait, so that a reload loses none.
import type { QueueRecord } from "./outgoing.js";

/** Holds texts: log-out clears it. Several tabs may share one: what both send is there once. */
export interface QueueStore {
  all(): Promise<QueueRecord[]>;
  put(record: QueueRecord): Promise<void>;
  remove(clientMessageId: string): Promise<void>;
  clear(): Promise<void>;
}

/** Kept as long as the page. */
export class MemoryQueueStore implements QueueStore {
  readonly #records = new Map<string, QueueRecord>();

  all(): Promise<QueueRecord[]> {
    return Promise.resolve([...this.#records.values()]);
  }

  put(record: QueueRecord): Promise<void> {
    this.#records.set(record.body.client_message_id, record);
    return Promise.resolve();
  }

  remove(clientMessageId: string): Promise<void> {
    this.#records.delete(clientMessageId);
    return Promise.resolve();
  }

  clear(): Promise<void> {
    this.#records.clear();
    return Promise.resolve();
  }
}

/** In a browser's `localStorage` or `sessionStorage`, one entry a message. */
export class WebQueueStore implements QueueStore {
  constructor(
    private readonly storage: Storage = sessionStorage,
    private readonly prefix = "therapyconnect.queue.",
  ) {}

  all(): Promise<QueueRecord[]> {
    const kept = this.#keys().map((key) => this.storage.getItem(key));
    return Promise.resolve(kept.flatMap((text) => (text === null ? [] : [JSON.parse(text) as QueueRecord])));
  }

  async put(record: QueueRecord): Promise<void> {
    this.storage.setItem(this.prefix + record.body.client_message_id, JSON.stringify(record));
  }

  async remove(clientMessageId: string): Promise<void> {
    this.storage.removeItem(this.prefix + clientMessageId);
  }

  async clear(): Promise<void> {
    for (const key of this.#keys()) this.storage.removeItem(key);
  }

  #keys(): string[] {
    const all = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index) ?? "");
    return all.filter((key) => key.startsWith(this.prefix));
  }
}
