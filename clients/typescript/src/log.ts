// What of a chat's messages is held: pages and events laid together, the newer one winning.
import type { Attachment, Message, SaidOf } from "./types.js";

type Change = SaidOf<"message_edited"> | SaidOf<"message_deleted"> | SaidOf<"emergency_flagged">;

const FINAL: readonly (string | null)[] = ["ready", "quarantined", "rejected"];
const FILES = 100;

/** Messages by their number, oldest first. */
export class MessageLog {
  readonly #bySeq = new Map<number, Message>();
  /** Numbers under which deleted messages came back: receipts count from there. */
  readonly #restored = new Map<string, number>();
  /** What files came to of which no message is held yet: the last of them. */
  readonly #files = new Map<string, Attachment>();
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
    const laid = held === undefined || held.changed_seq < message.changed_seq ? message : furthest(held, message);
    // Its file may have been checked before the message came.
    const file = idOfFile(laid);
    const checked = file === null ? undefined : this.#files.get(file);
    const final = checked !== undefined && !FINAL.includes(laid.attachment_state);
    this.#set(final ? { ...laid, attachment_state: checked.state } : laid);
    return true;
  }

  /** A file's new state; the messages that carry it. A state that is final stays. */
  attachment(file: Attachment): Message[] {
    if (FINAL.includes(file.state)) this.#files.set(file.id, file);
    for (const id of this.#files.keys()) if (this.#files.size > FILES) this.#files.delete(id);
    const carrying = this.all.filter((message) => {
      const open = message.attachment_state !== file.state && !FINAL.includes(message.attachment_state);
      return open && idOfFile(message) === file.id;
    });
    return carrying.map((message) => {
      const checked: Message = { ...message, attachment_state: file.state };
      this.#set(checked);
      return checked;
    });
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
      Object.assign(changed, { attachment_url: null, attachment_name: null, attachment_size: null, attachment_state: null });
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
    this.#files.clear();
    this.#sorted = null;
  }

  #set(message: Message): void {
    this.#bySeq.set(message.seq, message);
    this.#sorted = null;
  }
}

/** Of two copies of one state, what was passed already stays passed, and a file that was checked is. */
function furthest(held: Message, come: Message): Message {
  const order = ["sent", "delivered", "read"];
  const { read_status, read_at, read_by, delivered_at, attachment_state } = held;
  const file = FINAL.includes(attachment_state) ? { attachment_state } : {};
  if (order.indexOf(read_status) <= order.indexOf(come.read_status)) return { ...come, ...file };
  return { ...come, ...file, read_status, read_at, read_by, delivered_at };
}

/** The attachment that a message carries. */
export function idOfFile({ attachment_url }: Pick<Message, "attachment_url">): string | null {
  return /\/attachments\/([^/]+)\/$/.exec(attachment_url ?? "")?.[1] ?? null;
}
