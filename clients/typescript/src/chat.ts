// One chat: what is held of it, kept by events; what one does in it.
import type { Api, Page } from "./api.js";
import { Emitter } from "./emitter.js";
import { MessageLog } from "./log.js";
import type { Outbox } from "./outbox.js";
import type { Draft, Outgoing } from "./outgoing.js";
import type { ReceiptsOut } from "./receipts.js";
import { TypingIn, TypingOut } from "./typing.js";
import {
  roleOf,
  seqOf,
  type Asked,
  type ChatDetail,
  type EventSaid,
  type Message,
  type MessageVersion,
  type Receipts,
  type SaidOf,
  type SentMessage,
} from "./types.js";

export interface NewMessage {
  readonly chat: Chat;
  readonly message: Message;
  /** Sent by this user, here or on another device. */
  readonly mine: boolean;
  /** False where the reader muted the chat, and for one's own. */
  readonly notify: boolean;
}

export interface ChatEvents {
  /** A message is new: each once, in order. */
  message: NewMessage;
  /** A message was edited, deleted, restored, flagged, or passed by a horizon. */
  changed: Message;
  /** `messages` is another list. */
  messages: readonly Message[];
  /** The place of what may not be seen. */
  hidden: number;
  /** Status, room, names, unread, receipts. */
  detail: ChatDetail;
  typing: boolean;
  presence: boolean;
  /** What was held is void (after a restore, say), and was fetched afresh. */
  reset: undefined;
}

/** What a chat needs of the client around it. */
export interface Around {
  readonly api: Api;
  readonly outbox: Outbox;
  readonly receipts: ReceiptsOut;
  readonly userId: () => string;
  readonly say: (asked: Asked) => boolean;
  readonly heard: (news: NewMessage) => void;
  readonly changed: (chat: Chat) => void;
}

const PAGE = 50;
const REFRESH_MS = 150;
const STALE_READS = 5;

export class Chat extends Emitter<ChatEvents> {
  readonly #log = new MessageLog();
  #loaded = false;
  #oldest = false;
  #detail: ChatDetail;
  #online: boolean | null;
  #stale = 0;
  #refresh: ReturnType<typeof setTimeout> | null = null;
  readonly #typingOut: TypingOut;
  readonly #typingIn: TypingIn;

  /** @internal */
  constructor(
    private readonly around: Around,
    detail: ChatDetail,
  ) {
    super();
    this.#detail = detail;
    this.#online = detail.other_participant.online;
    this.#typingIn = new TypingIn((on) => this.emit("typing", on));
    this.#typingOut = new TypingOut((is_typing) => {
      around.say({ type: "typing", chat_id: this.id, is_typing });
    });
  }

  get id(): string {
    return this.#detail.id;
  }
  /** As the server said last, with what was heard since. */
  get detail(): ChatDetail {
    return this.#detail;
  }
  get unread(): number {
    return this.#detail.unread_count;
  }
  get receipts(): Receipts {
    return this.#detail.receipts;
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
    return this.#log.all;
  }
  /** What waits to be sent here. */
  get outgoing(): readonly Outgoing[] {
    return this.around.outbox.all.filter((one) => one.body.chat_id === this.id);
  }

  // --- what was said ----------------------------------------------------------------------------

  /** Hold the newest page; from then on events keep it. */
  async load(): Promise<readonly Message[]> {
    this.#loaded = true;
    await this.#page({});
    return this.messages;
  }

  /** Hold one page more of what is older; whether there may be more still. */
  async loadOlder(): Promise<boolean> {
    const first = this.messages[0];
    if (this.#oldest) return false;
    await this.#page(first === undefined ? {} : { before_seq: first.seq });
    return !this.#oldest;
  }

  /** The earlier versions of a message. */
  versions(messageId: string): Promise<Page<MessageVersion>> {
    return this.around.api.get("/api/messages/{id}/history/", { path: { id: messageId } });
  }

  /** What holds these letters, newest first; follow the pages with `client.api.again(page, {q, chat_id})`. */
  search(q: string, signal?: AbortSignal): Promise<Page<Message>> {
    return this.around.api.post("/api/messages/search/", {
      body: { q, chat_id: this.id },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  // --- what one does ----------------------------------------------------------------------------

  /** Put a message into the queue: it goes out in order, once, whatever happens on the way. */
  send(draft: Omit<Draft, "chat_id">): Outgoing {
    this.#typingOut.type(false);
    return this.around.outbox.add({ ...draft, chat_id: this.id });
  }

  async edit(messageId: string, text: string): Promise<Message> {
    const path = { id: messageId };
    return this.#took(await this.around.api.post("/api/messages/{id}/edit_message/", { path, body: { text } }));
  }

  async deleteMessage(messageId: string): Promise<Message> {
    return this.#took(await this.around.api.post("/api/messages/{id}/delete_message/", { path: { id: messageId } }));
  }

  async restoreMessage(messageId: string): Promise<Message> {
    return this.#took(await this.around.api.post("/api/messages/{id}/restore_message/", { path: { id: messageId } }));
  }

  /** Mark one's own message urgent; a patient's raises the alert, and the answer says whom to call. */
  async flag(messageId: string): Promise<SentMessage> {
    const flagged = await this.around.api.post("/api/messages/{id}/mark_emergency/", { path: { id: messageId } });
    this.#took(flagged);
    return flagged;
  }

  /** I have read up to here; to the end, without a number. Told in batches; never goes back. */
  markRead(upTo = this.#detail.last_seq): void {
    const seq = Math.min(upTo, this.#detail.last_seq);
    if (seq > this.#mine().read_seq) this.around.receipts.advance(this.id, "read", seq);
    if (seq >= this.#detail.last_seq) this.#are({ unread_count: 0, marked_unread: false });
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
    const news = seq > this.#detail.last_seq;
    if (news) this.#are({ last_seq: seq });
    switch (said.type) {
      case "chat_message":
      case "new_message":
      case "emergency_message":
        this.#arrived(said, news);
        break;
      case "message_edited":
      case "message_deleted":
      case "emergency_flagged": {
        const changed = this.#log.change(said);
        if (changed !== null) this.#changed(changed);
        if (said.type !== "emergency_flagged") this.refreshSoon();
        break;
      }
      case "message_restored":
        if (this.#loaded) this.#log.restore(said.message, said.seq);
        this.#changed(said.message);
        this.refreshSoon();
        break;
      case "chat_updated": {
        const sees = this.#sees();
        this.put(said.chat);
        if (this.#sees() !== sees && this.#loaded) void this.reset(said.chat).catch(() => undefined);
        break;
      }
      case "hidden":
        this.emit("hidden", said.seq);
        this.refreshSoon();
        break;
    }
  }

  /** @internal */
  hearReceipt(kind: "read" | "delivered", userId: string, seq: number, at: string | null): void {
    const role = roleOf(userId) === "therapist" ? "therapist" : "patient";
    const held = this.receipts[role];
    const moved = {
      delivered_seq: Math.max(held.delivered_seq, seq),
      read_seq: kind === "read" ? Math.max(held.read_seq, seq) : held.read_seq,
    };
    const mine = userId === this.around.userId();
    if (mine) this.around.receipts.passed(this.id, kind, seq);
    const passed = this.#log.passed(kind, userId, seq, at);
    if (passed.length > 0) this.emit("messages", this.messages);
    for (const message of passed) this.emit("changed", message);
    const read = moved.read_seq > held.read_seq;
    if (!read && moved.delivered_seq === held.delivered_seq) return;
    this.#are({ receipts: { ...this.receipts, [role]: moved } });
    if (!mine || !read) return;
    if (seq >= this.#detail.last_seq) this.#are({ unread_count: 0, marked_unread: false });
    else this.refreshSoon();
  }

  /** @internal */
  hearTyping(isTyping: boolean): void {
    this.#typingIn.heard(isTyping);
  }

  /** @internal */
  hearPresence(online: boolean): void {
    this.#online = online;
    if (!online) this.#typingIn.heard(false);
    this.emit("presence", online);
  }

  /** @internal What a request was answered with, unless more is known by now. */
  put(detail: ChatDetail): void {
    // Read before something that was heard since: as often as that is likely, look again.
    if (detail.last_seq < this.#detail.last_seq) {
      this.#stale += 1;
      if (this.#stale <= STALE_READS) this.refreshSoon();
      return;
    }
    this.#stale = 0;
    this.#online = detail.other_participant.online ?? this.#online;
    this.#are(detail);
  }

  /** @internal */
  putMessage(message: Message): void {
    if (this.#loaded && this.#log.put(message)) this.emit("messages", this.messages);
  }

  /** Ask the server how the chat stands. */
  async fetch(): Promise<ChatDetail> {
    const detail = await this.around.api.get("/api/chats/{id}/", { path: { id: this.id } });
    if ("unread_count" in detail) this.put(detail);
    return this.#detail;
  }

  /** @internal */
  refreshSoon(): void {
    this.#refresh ??= setTimeout(() => {
      this.#refresh = null;
      this.fetch().catch(() => undefined); // the next event, or the next connection, asks again
    }, REFRESH_MS);
  }

  /** @internal Drop what is held, and fetch it afresh. */
  async reset(detail: ChatDetail): Promise<void> {
    this.#log.clear();
    this.#oldest = false;
    this.#detail = detail;
    if (this.#loaded) await this.#page({});
    this.emit("reset", undefined);
    this.#are({});
  }

  /** @internal No more timers of it. */
  close(): void {
    if (this.#refresh !== null) clearTimeout(this.#refresh);
    this.#typingIn.heard(false);
    this.#log.clear();
  }

  #arrived(said: SaidOf<"chat_message"> | SaidOf<"new_message"> | SaidOf<"emergency_message">, news: boolean): void {
    const { message } = said;
    const mine = message.sender_id === this.around.userId();
    if (this.#loaded) this.#log.put(message);
    if (news) {
      const other = !mine && message.sender_id !== null && !message.deleted;
      this.#are({
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
    const notify = said.type === "emergency_message" || (said.type === "new_message" && said.notify !== false);
    const told = { chat: this, message, mine, notify };
    this.emit("message", told);
    this.around.heard(told);
    if (this.#loaded) this.emit("messages", this.messages);
  }

  async #page(query: { before_seq?: number }): Promise<void> {
    const given = { query: { chat_id: this.id, limit: PAGE, ...query } };
    const page = await this.around.api.get("/api/messages/", given);
    for (const message of page.results) this.#log.put(message);
    if (page.results.length < PAGE) this.#oldest = true;
    this.emit("messages", this.messages);
  }

  #took(message: Message): Message {
    if (this.#loaded && this.#log.put(message)) this.#changed(message);
    return message;
  }

  #changed(message: Message): void {
    this.emit("changed", message);
    this.emit("messages", this.messages);
  }

  #mine(): { read_seq: number; delivered_seq: number } {
    return this.receipts[roleOf(this.around.userId()) === "therapist" ? "therapist" : "patient"];
  }

  #sees(): boolean {
    const { room } = this.#detail;
    return roleOf(this.around.userId()) === "therapist"
      ? room.therapist_can_see_history
      : room.patient_can_see_history;
  }

  #are(some: Partial<ChatDetail>): void {
    this.#detail = { ...this.#detail, ...some };
    this.emit("detail", this.#detail);
    this.around.changed(this);
  }
}
