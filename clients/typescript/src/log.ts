// What of a chat's messages is held: pages and events laid together, the newer one winning.
import type { Message, SaidOf } from "./types.js";

type Change = SaidOf<"message_edited"> | SaidOf<"message_deleted"> | SaidOf<"emergency_flagged">;

/** Messages by their number, oldest first. */
export class MessageLog {
  readonly #bySeq = new Map<number, Message>();
  /** Numbers under which deleted messages came back: receipts count from there. */
  readonly #restored = new Map<string, number>();
  #sorted: readonly Message[] | null = null;

  get all(): readonly Message[] {
    this.#sorted ??= [...this.#bySeq.values()].sort((one, other) => one.seq - other.seq);
    return this.#sorted;
  }

  get(messageId: string): Message | undefined {
    return this.all.find((message) => message.id === messageId);
  }

  /** Whether it changed anything: an older state than the one held does not. */
  put(message: Message): boolean {
    const held = this.#bySeq.get(message.seq);
    if (held !== undefined && held.changed_seq > message.changed_seq) return false;
    const status = held === undefined || held.changed_seq < message.changed_seq ? message : furthest(held, message);
    this.#set(status);
    return true;
  }

  restore(message: Message, seq: number): void {
    this.#restored.set(message.id, seq);
    this.put(message);
  }

  /** What an event says of a message; null where that is not held, or is known to be later. */
  change(said: Change): Message | null {
    const held = this.get(said.message_id);
    if (held === undefined || held.changed_seq >= said.seq) return null;
    const changed: Message = { ...held, changed_seq: said.seq };
    if (said.type === "message_edited") {
      changed.edited = true;
      changed.edited_at = said.edited_at;
      // Null: later words are on their way, in their own event.
      if (said.new_text !== null) changed.text = said.new_text;
      if (said.payload !== undefined) changed.payload = said.payload;
    } else if (said.type === "emergency_flagged") {
      changed.emergency = true;
    } else {
      Object.assign(changed, { deleted: true, deleted_at: said.deleted_at, deleted_by: held.sender_id });
      Object.assign(changed, { text: null, payload: null });
      Object.assign(changed, { attachment_url: null, attachment_name: null, attachment_size: null });
    }
    this.#set(changed);
    return changed;
  }

  /** Mark what a reader's horizon passed; the messages that it changed. */
  passed(kind: "read" | "delivered", readerId: string, seq: number, at: string | null): Message[] {
    const changed = this.all.filter((message) => {
      const mine = message.sender_id !== null && message.sender_id !== readerId && !message.deleted;
      const further = message.read_status === "sent" || (kind === "read" && message.read_status === "delivered");
      return mine && further && (this.#restored.get(message.id) ?? message.seq) <= seq;
    });
    return changed.map((message) => {
      const passed: Message = { ...message, read_status: kind };
      if (kind === "read") Object.assign(passed, { read_at: at, read_by: readerId });
      passed.delivered_at ??= at;
      this.#set(passed);
      return passed;
    });
  }

  clear(): void {
    this.#bySeq.clear();
    this.#restored.clear();
    this.#sorted = null;
  }

  #set(message: Message): void {
    this.#bySeq.set(message.seq, message);
    this.#sorted = null;
  }
}

/** Of two copies of one state, what was passed already stays passed. */
function furthest(held: Message, come: Message): Message {
  const order = ["sent", "delivered", "read"];
  if (order.indexOf(held.read_status) <= order.indexOf(come.read_status)) return come;
  const { read_status, read_at, read_by, delivered_at } = held;
  return { ...come, read_status, read_at, read_by, delivered_at };
}
