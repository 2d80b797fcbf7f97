// The chats, as signals: what the SDK holds, told to whoever reads it.
import { batch, computed, effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Chat, ChatDetail, Message, Outgoing } from "@therapyconnect/client";
import { client, onForget } from "./client";
import { locked } from "./lock";

/** One chat's parts, each of which changes by itself. */
export interface LiveChat {
  readonly detail: ReadonlySignal<ChatDetail>;
  readonly messages: ReadonlySignal<readonly Message[]>;
  readonly outgoing: ReadonlySignal<readonly Outgoing[]>;
  readonly typing: ReadonlySignal<boolean>;
  readonly online: ReadonlySignal<boolean | null>;
}

interface Parts extends LiveChat {
  readonly outgoing: Signal<readonly Outgoing[]>;
}

/** All chats, the one with the latest message first. */
export const chats = signal<readonly Chat[]>([]);
/** How many messages wait to be read, in all chats. */
export const unread = computed(() => chats.value.reduce((sum, chat) => sum + live(chat).detail.value.unread_count, 0));

const lives = new Map<Chat, Parts>();

export function live(chat: Chat): LiveChat {
  return partsOf(chat);
}

export function chatOf(chatId: string): Chat | undefined {
  return chats.value.find((chat) => chat.id === chatId);
}

function partsOf(chat: Chat): Parts {
  const held = lives.get(chat);
  if (held !== undefined) return held;
  const detail = signal(chat.detail);
  const messages = signal(chat.messages);
  const outgoing = signal(chat.outgoing);
  const typing = signal(chat.typing);
  const online = signal(chat.online);
  chat.on("detail", (now) => batch(() => {
    detail.value = now;
    online.value = chat.online;
  }));
  chat.on("messages", (now) => (messages.value = now));
  chat.on("reset", () => (messages.value = chat.messages));
  chat.on("typing", (now) => (typing.value = now));
  chat.on("presence", (now) => (online.value = now));
  const parts = { detail, messages, outgoing, typing, online };
  lives.set(chat, parts);
  return parts;
}

client.chats.on("changed", (now) => {
  // The order may be the same: a row that changed tells so by its own parts.
  const held = chats.peek();
  if (now.length !== held.length || now.some((chat, index) => chat !== held[index])) chats.value = now;
});
client.chats.on("gone", (chat) => lives.delete(chat));
client.on("outgoing", (outgoing) => {
  const chat = client.chats.find(outgoing.body.chat_id);
  if (chat !== undefined) partsOf(chat).outgoing.value = chat.outgoing;
});
onForget(() => {
  chats.value = [];
  lives.clear();
});

/** The tab says how much is unread, and never whose; nothing while it is locked. */
effect(() => {
  document.title = unread.value > 0 && !locked.value ? `(${unread.value}) TherapyConnect` : "TherapyConnect";
});
