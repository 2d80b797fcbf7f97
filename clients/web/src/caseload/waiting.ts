// Since when the first unread message of each chat waits. The server's list does not say it, so it is
// asked for once, and from then on kept by what is heard.
import { signal } from "@preact/signals";
import type { Chat, Message } from "@therapyconnect/client";
import { client, onForget } from "../state/client";

/** By chat; absent where nothing waits, or where it is not known yet. */
export const waiting = signal<ReadonlyMap<string, string>>(new Map());
/** Whether that is known: before, nobody's place is. */
export const known = signal(false);

/** So many pages of unread messages are looked through at the start: who waits beyond them waits at least as long. */
const PAGES = 10;

const counts = new Map<string, number>();
const asked = new Set<Chat>();
let asking = false;
let turn = 0;

function put(found: ReadonlyMap<string, string | null>): void {
  if (found.size === 0) return;
  const next = new Map(waiting.value);
  for (const [id, since] of found) {
    if (since === null) next.delete(id);
    else next.set(id, since);
  }
  waiting.value = next;
}

/** What changed in the counts since the last look says what is still true. */
function look(): void {
  if (!known.peek()) return;
  const found = new Map<string, string | null>();
  for (const chat of client.chats.all) {
    const { unread_count: count, last_message_sender_id, last_message_text, last_message_timestamp, other_participant } = chat.detail;
    const before = counts.get(chat.id) ?? 0;
    const held = waiting.value.get(chat.id);
    counts.set(chat.id, count);
    if (count === 0) {
      if (held !== undefined) found.set(chat.id, null);
    } else if (held === undefined || count < before) {
      const only = count === 1 && last_message_sender_id === other_participant.id && last_message_text !== null;
      if (only && last_message_timestamp !== null) found.set(chat.id, last_message_timestamp);
      else asked.add(chat);
    }
  }
  put(found);
  void ask();
}

async function ask(): Promise<void> {
  if (asking) return;
  asking = true;
  for (const chat of asked) {
    asked.delete(chat);
    const { detail } = chat;
    if (detail.unread_count === 0) continue;
    const query = { chat_id: chat.id, after_seq: detail.receipts.therapist.read_seq, sender_id: detail.other_participant.id, exclude_deleted: true, limit: 1 };
    try {
      const [first] = (await client.api.get("/api/messages/", { query })).results;
      if (first !== undefined && chat.unread > 0) put(new Map([[chat.id, first.timestamp]]));
    } catch {
      // It stands by its latest message until the count moves again.
    }
  }
  asking = false;
}

/** All that is unread, newest first: of each chat the last one seen is the one that waits longest. */
async function begin(): Promise<void> {
  turn += 1;
  const mine = turn;
  const found = new Map<string, string>();
  let oldest: string | null = null;
  try {
    let page = await client.api.get("/api/messages/get_unread_messages/", { query: { limit: 200 } });
    for (let left = PAGES; left > 0; left -= 1) {
      for (const { chat_id, timestamp } of page.results) found.set(chat_id, (oldest = timestamp));
      const next = await client.api.next<Message>(page);
      if (next === null) {
        oldest = null;
        break;
      }
      page = next;
    }
  } catch {
    // Each is asked for by itself then.
  }
  if (mine !== turn) return;
  for (const chat of client.chats.all) {
    if (oldest !== null && chat.unread > 0 && !found.has(chat.id)) found.set(chat.id, oldest);
    counts.set(chat.id, chat.unread);
  }
  put(found);
  known.value = true;
  look();
}

client.on("synced", () => void (known.peek() ? look() : begin()));
client.chats.on("changed", look);
onForget(() => {
  turn += 1;
  known.value = false;
  counts.clear();
  asked.clear();
  waiting.value = new Map();
});
