// What one may do with a message, as a menu's items.
import { TherapyConnectError, type Chat, type Message } from "@therapyconnect/client";
import type { MenuItem } from "../design/Menu";
import { client } from "../state/client";
import { mySide } from "../state/role";
import { toast } from "../state/toasts";
import { askUrgent } from "../urgent/asked";
import { plain } from "../words/errors";

/** The server's default; where a clinic allows less, it says so when asked. */
const EDIT_MS = 15 * 60_000;

/** What the thread around does when one is chosen. */
export interface Asked {
  readonly reply: (message: Message) => void;
  readonly edit: (message: Message) => void;
  readonly versions: (message: Message) => void;
  readonly correct: (message: Message) => void;
}

export function deedsOf(chat: Chat, message: Message, open: boolean, asked: Asked): MenuItem[] {
  const mine = message.sender_id === client.userId;
  const therapist = mySide() === "therapist";
  const items: MenuItem[] = [];
  if (message.deleted) {
    if (mine) items.push({ label: "Restore", icon: "undo", run: () => void attempt(chat.restoreMessage(message.id)) });
    return items;
  }
  if (open && message.sender_id !== null) items.push({ label: "Reply", icon: "reply", run: () => asked.reply(message) });
  if (message.text !== null) items.push({ label: "Copy text", icon: "copy", run: () => void copy(message.text ?? "") });
  if (message.edited) items.push({ label: "Earlier versions", icon: "clock", run: () => asked.versions(message) });
  if (!mine) return items;
  const fresh = Date.now() - Date.parse(message.timestamp) < EDIT_MS;
  if (open && fresh && message.message_type === "text") {
    items.push({ label: "Edit", icon: "edit", run: () => asked.edit(message) });
  }
  if (open && message.message_type === "prescription") {
    items.push({ label: "Correct by a new one", icon: "pill", run: () => asked.correct(message) });
  }
  if (open && therapist && !message.emergency) {
    items.push({ label: "Mark as urgent", icon: "alert", run: () => void attempt(chat.flag(message.id)) });
  }
  if (!therapist && !message.emergency) items.push({ label: "Mark as urgent", icon: "alert", run: () => askUrgent(chat, message) });
  items.push({ label: "Delete", icon: "trash", danger: true, run: () => void remove(chat, message) });
  return items;
}

async function remove(chat: Chat, message: Message): Promise<void> {
  if (!(await attempt(chat.deleteMessage(message.id)))) return;
  toast("Message deleted.", { label: "Undo", run: () => void attempt(chat.restoreMessage(message.id)) });
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("Your browser did not allow copying.");
  }
}

/** Whether it went well; a refusal is said at the foot of the page. */
export async function attempt(deed: Promise<unknown>): Promise<boolean> {
  try {
    await deed;
    return true;
  } catch (error) {
    if (!(error instanceof TherapyConnectError && error.code === "aborted")) toast(plain(error));
    return false;
  }
}
