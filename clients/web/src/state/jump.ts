// Which message of which chat somebody wants to see: a search's result, taken up by the chat's log.
import { signal } from "@preact/signals";
import { go, to } from "../router";
import { onForget } from "./client";

export interface Jump {
  readonly chatId: string;
  readonly messageId: string;
}

export const jump = signal<Jump | null>(null);

/** Open the chat at this message. */
export function openAt(chatId: string, messageId: string): void {
  jump.value = { chatId, messageId };
  go(to.chat(chatId));
}

onForget(() => (jump.value = null));
