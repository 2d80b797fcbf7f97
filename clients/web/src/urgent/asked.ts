// Which call for help is being made: one at a time, from the composer's side or from a message's menu.
import { signal } from "@preact/signals";
import type { Chat, Message } from "@therapyconnect/client";
import { client, onForget } from "../state/client";
import { show } from "../state/desktop";
import { mySide } from "../state/role";

export interface Asked {
  readonly chat: Chat;
  /** One's own message that is to be flagged; null: a new one is written. */
  readonly message: Message | null;
}

export const asked = signal<Asked | null>(null);

/** The first of two steps: opens the dialog, and sends nothing. */
export function askUrgent(chat: Chat, message: Message | null = null): void {
  asked.value = { chat, message };
}

/** Of one's own alerts, those that were on their way while this page was open. */
const waiting = new Set<string>();

client.on("alert", ({ id, chat_id, state }) => {
  if (mySide() !== "patient") return;
  if (state === "raised" || state === "delivered") waiting.add(id);
  else if (waiting.delete(id) && state === "exhausted") {
    // Nobody was reached in time: whom to call is said over whatever is open.
    show(chat_id, "unreached");
    const chat = client.chats.find(chat_id);
    if (chat !== undefined && asked.peek() === null) askUrgent(chat);
  }
});

onForget(() => {
  asked.value = null;
  waiting.clear();
});
