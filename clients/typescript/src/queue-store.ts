// Where outgoing messages wait, so that a reload loses none.
import type { QueueRecord } from "./outgoing.js";

/** Holds texts: log-out clears it. Tabs may share one: what waits in it goes out once, by any of them. */
export interface QueueStore {
  all(): Promise<QueueRecord[]>;
  put(record: QueueRecord): Promise<void>;
  remove(clientMessageId: string): Promise<void>;
  clear(): Promise<void>;
  /** Of a store that is shared: whether it still waits. */
  has?(clientMessageId: string): Promise<boolean>;
  /** Runs `work` while no other tab runs one of that name. */
  exclusively?<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
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

/**
 * In a browser's `localStorage` (or `sessionStorage`), one entry a message. Tabs take turns through
 * `navigator.locks`; where there are none (a page without HTTPS), each sends: it is there once still.
 */
export class WebQueueStore implements QueueStore {
  constructor(
    private readonly storage: Storage = localStorage,
    private readonly prefix = "therapyconnect.queue.",
  ) {}

  async all(): Promise<QueueRecord[]> {
    return this.#keys().flatMap((key) => recordOf(this.storage.getItem(key)) ?? []);
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

  async has(clientMessageId: string): Promise<boolean> {
    return this.storage.getItem(this.prefix + clientMessageId) !== null;
  }

  exclusively<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return inTurn(this.prefix + name, work);
  }

  #keys(): string[] {
    const all = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index) ?? "");
    return all.filter((key) => key.startsWith(this.prefix));
  }
}

/** While no other tab of this origin does something under that name, where the platform can tell. */
export function inTurn<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const locks = (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks;
  return locks === undefined ? work() : (locks.request(name, work) as Promise<Result>);
}

function recordOf(kept: string | null): QueueRecord | null {
  try {
    const record = JSON.parse(kept ?? "null") as QueueRecord | null;
    return typeof record?.body?.client_message_id === "string" ? record : null;
  } catch {
    return null; // not ours
  }
}
