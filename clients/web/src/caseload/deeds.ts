// What one may do with a chat of the list.
import type { Chat } from "@therapyconnect/client";
import type { MenuItem } from "../design/Menu";
import { go, to } from "../router";
import { toast } from "../state/toasts";
import { attempt } from "../thread/deeds";

/** What is asked once more before it is done. */
export interface Asking {
  readonly deed: "archive" | "block";
  readonly chat: Chat;
}

export function deedsOf(chat: Chat, ask: (asking: Asking) => void): MenuItem[] {
  const { detail } = chat;
  const items: MenuItem[] = [];
  if (detail.unread_count === 0 && !detail.marked_unread && detail.last_message_timestamp !== null) {
    items.push({ label: "Mark unread", icon: "chat", run: () => void attempt(chat.markUnread()) });
  }
  const loud = detail.therapist_notifications;
  items.push({ label: loud ? "Mute" : "Unmute", icon: loud ? "mute" : "bell", run: () => void mute(chat, loud) });
  if (detail.status === "archived") items.push({ label: "Take out of the archive", icon: "undo", run: () => void lift(chat, "archive") });
  if (detail.status === "active") items.push({ label: "Archive…", icon: "file", run: () => ask({ deed: "archive", chat }) });
  if (detail.status === "blocked") items.push({ label: "Unblock", icon: "undo", run: () => void lift(chat, "block") });
  else items.push({ label: "Block…", icon: "lock", danger: true, run: () => ask({ deed: "block", chat }) });
  items.push({ label: "Room and access", icon: "settings", run: () => go(to.room(chat.id)) });
  return items;
}

const nameOf = (chat: Chat): string => chat.detail.other_participant.full_name;

async function mute(chat: Chat, muted: boolean): Promise<void> {
  if (!(await attempt(chat.setNotifications(!muted)))) return;
  toast(muted ? `${nameOf(chat)} is muted. Urgent messages still come through.` : `${nameOf(chat)} is not muted any more.`);
}

async function lift(chat: Chat, what: Asking["deed"]): Promise<void> {
  if (!(await attempt(chat.setStatus("active")))) return;
  const words = { archive: `${nameOf(chat)} can write to you again.`, block: `You no longer block ${nameOf(chat)}.` };
  toast(words[what]);
}
