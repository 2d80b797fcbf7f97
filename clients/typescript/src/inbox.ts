// From the socket to the chats: every event of every chat once, in order, over any number of sockets.
import type { Chat } from "./chat.js";
import type { Chats } from "./chats.js";
import type { Connection } from "./connection.js";
import { errorOfFailure } from "./errors.js";
import { Backoff, pause } from "./pause.js";
import type { ReceiptsOut } from "./receipts.js";
import { Sequence } from "./sequence.js";
import { isEvent, roleOf, seqOf, type EventSaid, type Said, type SaidOf } from "./types.js";

const SLICE = 100;
const HOLE_MS = 1_000;
const RESUME_SECONDS = 30;

export class Inbox {
  readonly #sequences = new Map<string, Sequence<EventSaid>>();
  /** Of chats that are not known yet: judged once they are. */
  #early: EventSaid[] = [];
  /** Chats of which what is held is void, and could not be fetched afresh yet. */
  readonly #void = new Set<string>();
  /** Chats that are being fetched afresh. */
  #fetching = new Set<string>();
  /** Chats whose replay is under way on this socket. */
  readonly #replaying = new Set<string>();
  #resumed: (() => void) | null = null;
  #syncing = 0;
  #began = false;

  constructor(
    private readonly connection: Connection,
    private readonly chats: Chats,
    private readonly receipts: ReceiptsOut,
    private readonly userId: () => string,
    private readonly onSynced: () => void,
    private readonly onFlagged: (said: SaidOf<"emergency_message">) => void,
  ) {
    connection.on("ready", () => void this.#sync());
    connection.on("state", ({ status }) => {
      if (status !== "online") this.#syncing += 1;
    });
    chats.on("added", (chat) => {
      // What was there when it was first asked for is held; what came later is news.
      if (!this.#sequences.has(chat.id)) this.#sequences.set(chat.id, new Sequence(chat.detail.last_seq));
    });
  }

  /** Forget everything: another user, or none. */
  clear(): void {
    this.#syncing += 1;
    this.#sequences.clear();
    this.#early = [];
    this.#void.clear();
    this.#fetching = new Set();
    this.#began = false;
  }

  hear(said: Said): void {
    if (isEvent(said)) return this.#event(said);
    if (said.type === "resumed") return this.#caughtUp(said);
    if (said.type === "error" && typeof said.ref === "string") {
      if (said.ref.startsWith("receipt ")) this.receipts.refused(said);
      if (said.ref === "resume") this.#refused(said);
    }
  }

  // --- events -----------------------------------------------------------------------------------

  #event(said: EventSaid): void {
    const chatId = said.chat_id ?? "";
    const sequence = this.#sequences.get(chatId);
    const chat = this.chats.find(chatId);
    if (sequence === undefined || chat === undefined) {
      this.#early.push(said);
      if (this.#began) void this.#meet(chatId);
      return;
    }
    const seq = seqOf(said);
    // A flag has two frames: its own, with a number, and then the message again.
    if (said.type === "emergency_message" && seq <= sequence.known && said.message.changed_seq > seq) {
      this.onFlagged(said);
    }
    for (const next of sequence.take(seq, said)) chat.hear(next);
    if (chat.detail.status === "deleted") this.chats.remove(chatId);
    if (sequence.holed && !this.#replaying.has(chatId)) {
      setTimeout(() => {
        const current = this.#sequences.get(chatId) === sequence && this.connection.online;
        if (current && sequence.holed && !this.#replaying.has(chatId)) this.#resume([chatId]);
      }, HOLE_MS);
    }
  }

  /** A chat of which nothing was known: all of it is news. */
  async #meet(chatId: string): Promise<void> {
    if (this.chats.find(chatId) !== undefined || this.#replaying.has(chatId)) return;
    this.#replaying.add(chatId);
    try {
      if (!this.#sequences.has(chatId)) this.#sequences.set(chatId, new Sequence(0));
      await this.chats.add(chatId);
      this.#early = this.#early.filter((said) => said.chat_id !== chatId);
      this.#resume([chatId]);
    } catch (cause) {
      this.#replaying.delete(chatId);
      this.#early = this.#early.filter((said) => said.chat_id !== chatId);
      if (errorOfFailure(cause).temporary) this.connection.lose(); // else it is gone again
    }
  }

  // --- catching up ------------------------------------------------------------------------------

  /** After each greeting: replay what was missed, then compare with the list. */
  async #sync(): Promise<void> {
    this.#syncing += 1;
    const turn = this.#syncing;
    const current = (): boolean => turn === this.#syncing;
    this.#replaying.clear();
    // What came ahead on the last socket may be from before a restore: the replay has what is true.
    for (const sequence of this.#sequences.values()) sequence.restart(sequence.known);
    this.#early = [];
    const stale = [...this.#void];
    const backoff = new Backoff(300, 10_000);
    await this.#resumeAll(current, () => true);
    while (current()) {
      try {
        await this.#compare(current);
        break;
      } catch (cause) {
        const error = errorOfFailure(cause);
        if (!error.temporary) break;
        await pause(backoff.next(error.retryAfter));
      }
    }
    for (const id of stale) if (current() && this.#void.has(id)) await this.#afresh(id);
    if (!current()) return;
    this.#began = true;
    const early = this.#early.splice(0);
    for (const said of early) this.#event(said);
    this.receipts.flush();
    this.onSynced();
  }

  async #compare(current: () => boolean): Promise<void> {
    // An administrator is in no chat.
    const rows = roleOf(this.userId()) === "admin" ? [] : await this.chats.rows();
    if (!current()) return;
    const listed = new Set(rows.map((row) => row.id));
    for (const chat of this.chats.all) if (!listed.has(chat.id)) this.chats.remove(chat.id);
    const unknown = rows.filter((row) => this.chats.find(row.id) === undefined).map((row) => row.id);
    // A chat that is new since the first look is heard from its beginning.
    if (this.#began) {
      for (const id of unknown) if (!this.#sequences.has(id)) this.#sequences.set(id, new Sequence(0));
    }
    await this.chats.addAll(unknown);
    if (!current()) return;
    // Also those that were added before another one failed.
    await this.#resumeAll(current, ({ id, detail }) => unknown.includes(id) || this.#known(id) < detail.last_seq);
    const role = roleOf(this.userId());
    for (const row of rows) {
      const chat = this.chats.find(row.id);
      if (chat === undefined) continue;
      const unread = role === "therapist" ? row.therapist_unread_count : row.patient_unread_count;
      const same =
        unread === chat.unread &&
        row.status === chat.detail.status &&
        row.marked_unread === chat.detail.marked_unread &&
        row.last_message_timestamp === chat.detail.last_message_timestamp &&
        row.updated_at === chat.detail.updated_at;
      if (!same) chat.refreshSoon();
    }
  }

  /** Of the chats that are held: a number whose chat could not be added, or is gone, has nobody to hear a replay. */
  async #resumeAll(current: () => boolean, which: (chat: Chat) => boolean): Promise<void> {
    const chatIds = this.chats.all.filter(which).map(({ id }) => id);
    for (let at = 0; at < chatIds.length && current(); at += SLICE) {
      const slice = chatIds.slice(at, at + SLICE);
      if (!this.#resume(slice)) return;
      await new Promise<void>((resolve) => {
        const lose = (): void => {
          if (current()) this.connection.lose();
          done();
        };
        let late = setTimeout(lose, RESUME_SECONDS * 1000);
        const off = this.connection.on("state", () => done());
        const done = (): void => {
          clearTimeout(late);
          off();
          this.#resumed = null;
          resolve();
        };
        this.#resumed = () => {
          clearTimeout(late);
          late = setTimeout(lose, RESUME_SECONDS * 1000);
          if (slice.every((id) => !this.#replaying.has(id))) done();
        };
        this.#resumed();
      });
    }
  }

  #known(chatId: string): number {
    return this.#sequences.get(chatId)?.known ?? 0;
  }

  #resume(chatIds: readonly string[]): boolean {
    const chats = Object.fromEntries(chatIds.map((id) => [id, this.#known(id)]));
    for (const id of chatIds) this.#replaying.add(id);
    const asked = this.connection.say({ type: "resume", chats, ref: "resume" });
    if (!asked) for (const id of chatIds) this.#replaying.delete(id);
    return asked;
  }

  #caughtUp(said: SaidOf<"resumed">): void {
    const chatId = said.chat_id;
    const sequence = this.#sequences.get(chatId);
    const chat = this.chats.find(chatId);
    this.#replaying.delete(chatId);
    if (sequence !== undefined && said.gap === true) {
      sequence.restart(said.last_seq);
      void this.#afresh(chatId);
    } else if (sequence !== undefined && sequence.known < said.last_seq) {
      this.connection.lose(); // something of the replay did not arrive: ask for all of it again
    } else if (chat !== undefined) {
      for (const [role, horizons] of Object.entries(said.receipts)) {
        const reader = role === "therapist" ? chat.detail.therapist_id : chat.detail.patient_id;
        chat.hearReceipt("delivered", reader, horizons.delivered_seq, null);
        chat.hearReceipt("read", reader, horizons.read_seq, null);
      }
      if (chat.unread > 0) this.receipts.advance(chatId, "delivered", said.last_seq);
    }
    this.#resumed?.();
  }

  #refused(said: SaidOf<"error">): void {
    const chatId = said.chat_id;
    if (chatId === undefined || ["unavailable", "overloaded", "server_error"].includes(said.code)) {
      return this.connection.lose();
    }
    if (said.code === "cursor_ahead") void this.#afresh(chatId, true);
    else {
      this.#replaying.delete(chatId); // gone: the list will say so
      this.#resumed?.();
    }
  }

  /** What is held of a chat is from before a restore: its numbers were given anew. */
  async #afresh(chatId: string, ahead = false): Promise<void> {
    const chat = this.chats.find(chatId);
    this.#void.add(chatId);
    // The server says it again while its answer may be on the way: once will do.
    if (this.#fetching.has(chatId) && !ahead) return;
    const fetching = this.#fetching;
    fetching.add(chatId);
    try {
      if (chat !== undefined) {
        const detail = await this.chats.detail(chatId);
        if (ahead) this.#sequences.get(chatId)?.restart(detail.last_seq);
        await chat.reset(detail);
      }
      this.#void.delete(chatId);
      if (ahead) this.#resume([chatId]);
    } catch (cause) {
      if (errorOfFailure(cause).temporary) this.connection.lose(); // and then again
      else this.#void.delete(chatId); // gone: the list will say so
    } finally {
      fetching.delete(chatId);
      if (!ahead) this.#resumed?.();
    }
  }
}
