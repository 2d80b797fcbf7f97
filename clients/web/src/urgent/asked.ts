// Which call for help is being made: one at a time, from the composer's side or from a message's menu.
import { signal } from "@preact/signals";
import type { Chat, Message } from "@therapyconnect/client";
import { onForget } from "../state/client";

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

onForget(() => (asked.value = null));
