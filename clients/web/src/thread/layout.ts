// How a chat's messages are laid out: days, and in each day blocks that can be left out while far away.
import type { Message, Outgoing } from "@therapyconnect/client";
import { dayOf } from "../words/times";

export interface Item {
  readonly message: Message;
  /** Of the same hand as the one before, within minutes: drawn closer to it. */
  readonly joined: boolean;
  /** "New messages" stands above it. */
  readonly first: boolean;
  /** The latest of one's own: its state stands there as a word. */
  readonly latest: boolean;
  /** A prescription that a later one corrects. */
  readonly replaced: boolean;
}

export interface Block {
  readonly key: string;
  readonly items: readonly Item[];
}

export interface Day {
  readonly key: number;
  readonly at: string;
  readonly blocks: readonly Block[];
  /** What is on its way out: in the last day alone. */
  readonly outgoing: readonly Outgoing[];
}

const BLOCK = 16;
const JOINED_MS = 5 * 60_000;

interface Given {
  readonly messages: readonly Message[];
  readonly outgoing: readonly Outgoing[];
  readonly me: string;
  /** All up to this number was read before; null: no line. */
  readonly readTo: number | null;
  readonly now: number;
}

/** `laidOut`, which does its work again only where something of it changed. */
export function layouter(): (given: Given) => readonly Day[] {
  let held: Given | null = null;
  let days: readonly Day[] = [];
  return (given) => {
    const same =
      held !== null &&
      held.messages === given.messages &&
      held.outgoing === given.outgoing &&
      held.me === given.me &&
      held.readTo === given.readTo &&
      dayOf(held.now) === dayOf(given.now);
    held = given;
    return same ? days : (days = laidOut(given));
  };
}

function laidOut({ messages, outgoing, me, readTo, now }: Given): readonly Day[] {
  const days: { key: number; at: string; blocks: { key: string; items: Item[] }[]; outgoing: Outgoing[] }[] = [];
  const latest = messages.findLast((message) => message.sender_id === me && !message.deleted);
  const corrections = messages.filter(({ message_type }) => message_type === "prescription");
  const replaced = new Set(corrections.map(({ payload }) => payload?.["replaces"]));
  let line = readTo === null;
  let before: Message | undefined;
  for (const message of messages) {
    const key = dayOf(message.timestamp);
    let day = days.at(-1);
    if (day === undefined || day.key !== key) {
      day = { key, at: message.timestamp, blocks: [], outgoing: [] };
      days.push(day);
      before = undefined;
    }
    const blockKey = `${key}.${Math.floor(message.seq / BLOCK)}`;
    let block = day.blocks.at(-1);
    if (block === undefined || block.key !== blockKey) day.blocks.push((block = { key: blockKey, items: [] }));
    const first = !line && message.seq > (readTo ?? 0) && message.sender_id !== me && message.sender_id !== null;
    line ||= first;
    block.items.push({
      message,
      first,
      joined: !first && joined(before, message),
      latest: message === latest && outgoing.length === 0,
      replaced: replaced.has(message.id),
    });
    before = message;
  }
  const left = leftOf(outgoing, messages);
  if (left.length > 0) {
    const today = dayOf(now);
    const last = days.at(-1);
    if (last?.key === today) last.outgoing = left;
    else days.push({ key: today, at: new Date(now).toISOString(), blocks: [], outgoing: left });
  }
  return days;
}

/** A message that is there is not on its way any more, though its answer may still be. */
function leftOf(outgoing: readonly Outgoing[], messages: readonly Message[]): Outgoing[] {
  if (outgoing.length === 0) return [];
  const there = new Set(messages.map((message) => message.client_message_id));
  return outgoing.filter((one) => !there.has(one.id));
}

function joined(before: Message | undefined, message: Message): boolean {
  return (
    before !== undefined &&
    before.sender_id === message.sender_id &&
    message.sender_id !== null &&
    Date.parse(message.timestamp) - Date.parse(before.timestamp) < JOINED_MS
  );
}

/** Whether two items would look the same: the SDK makes a message anew where it changes. */
export function same(one: Item, other: Item | undefined): boolean {
  return (
    other !== undefined &&
    one.message === other.message &&
    one.joined === other.joined &&
    one.first === other.first &&
    one.latest === other.latest &&
    one.replaced === other.replaced
  );
}
