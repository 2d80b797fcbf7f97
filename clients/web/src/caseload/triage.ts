// In which order patients need their therapist: the same as the server's `ordering=priority`.
import { computed } from "@preact/signals";
import type { Chat } from "@therapyconnect/client";
import { alerts } from "../state/alerts";
import { chats, live } from "../state/chats";
import { waiting } from "./waiting";

/** Since when an alert of a chat waits for someone to take it, by chat. */
export const urgentSince = computed<ReadonlyMap<string, string>>(() => {
  const since = new Map<string, string>();
  for (const { chat_id, state, raised_at } of alerts.value) {
    if (state !== "acknowledged" && !since.has(chat_id)) since.set(chat_id, raised_at);
  }
  return since;
});

interface Place {
  readonly chat: Chat;
  /** An alert that nobody took, something unread, the rest. */
  readonly rank: 0 | 1 | 2;
  readonly at: string;
}

function placeOf(chat: Chat): Place {
  const { unread_count, last_message_timestamp, created_at } = live(chat).detail.value;
  const latest = last_message_timestamp ?? created_at;
  const urgent = urgentSince.value.get(chat.id);
  if (urgent !== undefined) return { chat, rank: 0, at: urgent };
  if (unread_count > 0) return { chat, rank: 1, at: waiting.value.get(chat.id) ?? latest };
  return { chat, rank: 2, at: latest };
}

/** Who waits comes in the order of waiting; of the rest, the latest first. */
function compare(one: Place, other: Place): number {
  if (one.rank !== other.rank) return one.rank - other.rank;
  const earlier = one.at < other.at ? -1 : one.at > other.at ? 1 : 0;
  return one.rank === 2 ? -earlier : earlier;
}

let last: readonly Chat[] = [];

/** All chats in that order; the same list as long as nothing moves. */
export const triaged = computed<readonly Chat[]>(() => {
  const order = chats.value.map(placeOf).sort(compare).map(({ chat }) => chat);
  if (order.length !== last.length || order.some((chat, index) => chat !== last[index])) last = order;
  return last;
});

/** While somebody reads the list nothing jumps: only who is urgent comes up, and who is new comes in. */
export function steady(held: readonly Chat[], now: readonly Chat[]): readonly Chat[] {
  const here = new Set(now);
  const before = new Set(held);
  const urgent = now.filter((chat) => urgentSince.value.has(chat.id));
  const calm = (chat: Chat): boolean => !urgentSince.value.has(chat.id);
  const order = [...urgent, ...now.filter((chat) => calm(chat) && !before.has(chat)), ...held.filter((chat) => calm(chat) && here.has(chat))];
  return order.every((chat, index) => chat === held[index]) && order.length === held.length ? held : order;
}
