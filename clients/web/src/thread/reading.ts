// What counts as read: what stood at the end of the log while the page was looked at.
import type { Chat } from "@therapyconnect/client";
import { client } from "../state/client";
import { mySide } from "../state/role";

export class Reading {
  /** All up to this number was read, here or before. */
  #to = 0;

  constructor(private readonly chat: Chat) {}

  get visible(): boolean {
    return document.visibilityState === "visible";
  }

  /** Open the chat: the number after which something is new; null where nothing is. */
  begin(): number | null {
    const { detail } = this.chat;
    this.#to = detail.receipts[mySide()].read_seq;
    // With something unread in it, reading that to its end takes the mark off.
    if (detail.marked_unread && detail.unread_count === 0 && this.visible) void this.#unmark();
    return detail.unread_count > 0 ? this.#to : null;
  }

  /** Where "New messages" belongs as one more arrives unseen: where it is, while that is unread. */
  lineFor(held: number | null): number {
    return held === null || held < this.#to ? this.#to : held;
  }

  /** All that is here was seen. */
  read(): void {
    if (!this.visible) return;
    const { detail } = this.chat;
    this.#to = detail.last_seq;
    if (detail.unread_count > 0) this.chat.markRead();
  }

  /** Put aside as unread without anything unread in it: no horizon moves, so it is said plainly. */
  async #unmark(): Promise<void> {
    const path = { id: this.chat.id };
    try {
      await client.api.post("/api/chats/{id}/mark_all_read/", { path, body: {} });
      await this.chat.fetch();
    } catch {
      // Nothing depends on it: the mark stays until the next time.
    }
  }
}
