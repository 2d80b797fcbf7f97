// The caller's chats, kept by events.
import { Chat } from "./chat.js";
import type { Around } from "./chat-events.js";
import { Emitter } from "./emitter.js";
import { TherapyConnectError } from "./errors.js";
import type { ChatDetail, ChatRow } from "./types.js";

type Query = { status?: ChatRow["status"]; unread?: boolean; ordering?: "recent" | "priority" };

export interface ChatsEvents {
  /** A chat is new, gone, or stands otherwise. */
  changed: readonly Chat[];
  added: Chat;
  gone: Chat;
}

const AT_ONCE = 6;
const ROWS = 200;

export class Chats extends Emitter<ChatsEvents> {
  readonly #chats = new Map<string, Chat>();

  /** @internal */
  constructor(private readonly around: Omit<Around, "changed">) {
    super();
  }

  /** Those with the latest message first. */
  get all(): readonly Chat[] {
    const latest = (chat: Chat): string => chat.detail.last_message_timestamp ?? chat.detail.created_at;
    return [...this.#chats.values()].sort((one, other) => (latest(one) < latest(other) ? 1 : -1));
  }

  /** Unread messages of all chats together. */
  get unread(): number {
    return this.all.reduce((sum, chat) => sum + chat.unread, 0);
  }

  find(chatId: string): Chat | undefined {
    return this.#chats.get(chatId);
  }

  get(chatId: string): Chat {
    const chat = this.#chats.get(chatId);
    if (chat !== undefined) return chat;
    throw new TherapyConnectError({ code: "not_found", message: "No such chat is known.", status: 404 });
  }

  /** In the server's order: `priority` is open alerts, then the longest waiting, then the rest. */
  async ordered(query: Query): Promise<Chat[]> {
    const rows = await this.rows(query);
    return rows.flatMap((row) => this.#chats.get(row.id) ?? []);
  }

  /** The chat of two, made where it is not there yet. */
  async open(therapistId: string, patientId: string): Promise<Chat> {
    const body = { therapist_id: therapistId, patient_id: patientId };
    const made = await this.around.api.post("/api/chats/create_or_get_chat/", { body });
    return this.#chats.get(made.id) ?? (await this.add(made.id));
  }

  /** @internal All rows of the list, as the server has it now. */
  rows(query: Query = {}): Promise<ChatRow[]> {
    const { api } = this.around;
    return api.rows(api.get("/api/chats/get_user_chats/", { query: { limit: ROWS, ...query } }));
  }

  /** @internal Hold these too. */
  async addAll(chatIds: readonly string[]): Promise<void> {
    const left = [...chatIds];
    const worker = async (): Promise<void> => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) await this.add(id);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** @internal */
  async add(chatId: string): Promise<Chat> {
    const detail = await this.detail(chatId);
    const held = this.#chats.get(chatId);
    if (held !== undefined) return held;
    const around = { ...this.around, changed: () => this.emit("changed", this.all) };
    const chat = new Chat(around, detail);
    this.#chats.set(chatId, chat);
    this.emit("added", chat);
    this.emit("changed", this.all);
    return chat;
  }

  /** @internal */
  async detail(chatId: string): Promise<ChatDetail> {
    return (await this.around.api.get("/api/chats/{id}/", { path: { id: chatId } })) as ChatDetail;
  }

  /** @internal */
  remove(chatId: string): void {
    const chat = this.#chats.get(chatId);
    if (chat === undefined) return;
    this.#chats.delete(chatId);
    chat.close();
    this.emit("gone", chat);
    this.emit("changed", this.all);
  }

  /** @internal */
  clear(): void {
    for (const id of [...this.#chats.keys()]) this.remove(id);
  }
}
