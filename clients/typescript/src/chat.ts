// One chat: what is held of it, kept by events.
import type { Around } from "./chat-events.js";
import { Deeds } from "./deeds.js";
import { History } from "./history.js";
import type { Draft, Outgoing } from "./outgoing.js";
import { ChatRoom } from "./room.js";
import { Standing } from "./standing.js";
import { TypingIn, TypingOut } from "./typing.js";
import {
  roleOf,
  seqOf,
  type Attachment,
  type ChatDetail,
  type EventSaid,
  type Message,
  type Receipts,
  type SaidOf,
} from "./types.js";

export class Chat extends Deeds {
  /** What it is for, and who may send and see what. */
  readonly room: ChatRoom;
  readonly #history: History;
  readonly #standing: Standing;
  readonly #typingOut: TypingOut;
  readonly #typingIn: TypingIn;
  #online: boolean | null;
  #saw: boolean;

  /** @internal */
  constructor(
    protected readonly around: Around,
    detail: ChatDetail,
  ) {
    super();
    this.#standing = new Standing(around.api, around.gate, around.userId, detail, () => this.#moved());
    this.#saw = this.#standing.seesHistory;
    this.#history = new History(around.api, detail.id, (changed) => {
      for (const message of changed) this.emit("changed", message);
      this.#listed();
    });
    this.room = new ChatRoom(around.api, () => this.detail.room, () => this.fetch());
    this.#online = detail.other_participant.online;
    this.#typingIn = new TypingIn((on) => this.emit("typing", on));
    this.#typingOut = new TypingOut((is_typing) => {
      around.say({ type: "typing", chat_id: this.id, is_typing });
    });
  }

  override get id(): string {
    return this.detail.id;
  }
  /** As the server said last, with what was heard since. */
  get detail(): ChatDetail {
    return this.#standing.detail;
  }
  get unread(): number {
    return this.detail.unread_count;
  }
  get receipts(): Receipts {
    return this.detail.receipts;
  }
  /** Whether the other one writes now. */
  get typing(): boolean {
    return this.#typingIn.on;
  }
  /** Whether the other one is there; null where that may not be known. */
  get online(): boolean | null {
    return this.#online;
  }
  /** What is loaded, oldest first; empty before `load`. */
  get messages(): readonly Message[] {
    return this.#history.all;
  }
  /** What waits to be sent here. */
  get outgoing(): readonly Outgoing[] {
    return this.around.outbox.all.filter((one) => one.body.chat_id === this.id);
  }

  // --- what was said ----------------------------------------------------------------------------

  /** Hold the newest page; from then on events keep it. */
  async load(): Promise<readonly Message[]> {
    await this.#history.load();
    return this.messages;
  }

  /** Hold one page more of what is older; whether there may be more still. */
  loadOlder(): Promise<boolean> {
    return this.#history.older();
  }

  // --- what one does ----------------------------------------------------------------------------

  /** Put a message into the queue: it goes out in order, once, whatever happens on the way. */
  send(draft: Omit<Draft, "chat_id">): Outgoing {
    this.#typingOut.type(false);
    return this.around.outbox.add({ ...draft, chat_id: this.id });
  }

  /** I have read up to here; to the end, without a number. Told in batches; never goes back. */
  markRead(upTo = this.detail.last_seq): void {
    const { last_seq, unread_count, marked_unread } = this.detail;
    const seq = Math.min(upTo, last_seq);
    if (seq > this.#standing.mine.read_seq) this.around.receipts.advance(this.id, "read", seq);
    if (seq >= last_seq && (unread_count > 0 || marked_unread)) this.#standing.allRead();
  }

  async markUnread(): Promise<void> {
    this.put(await this.around.api.post("/api/chats/{id}/mark_unread/", { path: { id: this.id } }));
  }

  /** Call at each key stroke; it ends by itself. */
  type(isTyping = true): void {
    this.#typingOut.type(isTyping);
  }

  async setStatus(status: ChatDetail["status"]): Promise<void> {
    const path = { id: this.id };
    await this.around.api.post("/api/chats/{id}/update_status/", { path, body: { status } });
    await this.fetch();
  }

  async setNotifications(notifications_enabled: boolean): Promise<void> {
    const given = { path: { id: this.id }, body: { notifications_enabled } };
    this.put(await this.around.api.post("/api/chats/{id}/toggle_notifications/", given));
  }

  // --- what is heard ----------------------------------------------------------------------------

  /** @internal The next event of the sequence. */
  hear(said: EventSaid): void {
    const seq = seqOf(said);
    const news = seq > this.detail.last_seq;
    if (news) this.#standing.change({ last_seq: seq });
    switch (said.type) {
      case "chat_message":
      case "new_message":
      case "emergency_message":
        this.#arrived(said, news);
        break;
      case "message_edited":
      case "message_deleted":
        this.#history.change(said);
        this.refreshSoon();
        break;
      case "emergency_flagged":
        this.#history.change(said);
        break;
      case "message_restored":
        this.#history.restore(said.message, said.seq);
        this.refreshSoon();
        break;
      case "chat_updated":
        this.put(said.chat);
        break;
      case "hidden":
        this.emit("hidden", said.seq);
        this.refreshSoon();
        break;
    }
  }

  /** @internal */
  hearReceipt(kind: "read" | "delivered", userId: string, seq: number, at: string | null): void {
    if (userId === this.around.userId()) this.around.receipts.passed(this.id, kind, seq);
    this.#history.passed(kind, userId, seq, at);
    this.#standing.passed(roleOf(userId) === "therapist" ? "therapist" : "patient", kind, seq);
  }

  /** @internal */
  hearTyping(isTyping: boolean): void {
    this.#typingIn.heard(isTyping);
  }

  /** @internal */
  hearPresence(online: boolean | null): void {
    if (online !== true) this.#typingIn.heard(false);
    if (online === this.#online) return;
    this.#online = online;
    this.emit("presence", online);
  }

  /** @internal What became of a file. */
  hearAttachment(file: Attachment): void {
    this.#history.attachment(file);
  }

  /** @internal After a connection was lost: what is only pushed may have been missed. */
  recheck(): Promise<void> {
    return this.#history.recheck();
  }

  /** @internal What a request was answered with, unless more is known by now. */
  put(detail: ChatDetail): void {
    if (this.#standing.put(detail) && detail.other_participant.online !== null) {
      this.hearPresence(detail.other_participant.online);
    }
  }

  /** @internal */
  putMessage(message: Message): void {
    if (this.#history.put(message)) this.#listed();
  }

  /** Ask the server how the chat stands. */
  fetch(): Promise<ChatDetail> {
    return this.#standing.fetch();
  }

  /** @internal */
  refreshSoon(): void {
    this.#standing.refreshSoon();
  }

  /** @internal Drop what is held, and fetch it afresh. */
  async reset(detail: ChatDetail): Promise<void> {
    this.#standing.replace(detail);
    this.#saw = this.#standing.seesHistory;
    await this.#history.reset();
    this.emit("reset", undefined);
    this.#moved();
    this.refreshSoon(); // something may have been heard meanwhile
  }

  /** @internal No more timers of it. */
  close(): void {
    this.#standing.close();
    this.#typingOut.type(false);
    this.#typingIn.heard(false);
    this.#history.close();
  }

  #arrived(said: SaidOf<"chat_message"> | SaidOf<"new_message"> | SaidOf<"emergency_message">, news: boolean): void {
    const { message } = said;
    const mine = message.sender_id === this.around.userId();
    const put = this.#history.put(message);
    if (news) {
      // What was read at another device may come here after its receipt.
      const unread = message.seq > this.#standing.mine.read_seq;
      const other = unread && !mine && message.sender_id !== null && !message.deleted;
      this.#standing.change({
        last_message_text: message.text,
        last_message_timestamp: message.timestamp,
        last_message_sender_id: message.sender_id,
        unread_count: this.unread + (other ? 1 : 0),
      });
    }
    if (!mine) {
      this.#typingIn.heard(false);
      this.around.receipts.advance(this.id, "delivered", message.seq);
    }
    // The server's own words: the care has ended, say, and with it what may be done here.
    if (news && message.sender_id === null) this.refreshSoon();
    const notify = said.type === "emergency_message" || (said.type === "new_message" && said.notify !== false);
    const told = { chat: this, message, mine, notify };
    this.emit("message", told);
    this.around.heard(told, said.type === "emergency_message");
    if (put) this.#listed();
  }

  protected took(message: Message): void {
    if (!this.#history.put(message)) return;
    this.emit("changed", message);
    this.#listed();
  }

  #listed(): void {
    this.emit("messages", this.messages);
  }

  #moved(): void {
    // What was hidden goes at once, what is shown again comes; where that fails, `recheck` asks again.
    if (this.#standing.seesHistory !== this.#saw) void this.reset(this.detail).catch(() => undefined);
    this.emit("detail", this.detail);
    this.around.changed(this);
  }
}
