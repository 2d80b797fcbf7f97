// What a row says of a chat.
import type { ChatDetail, Message } from "@therapyconnect/client";
import { client } from "../state/client";

const KINDS: Readonly<Partial<Record<Message["message_type"], string>>> = {
  image: "Picture",
  file: "File",
  appointment: "Appointment",
  prescription: "Prescription",
};

/** The last message in a line. `last`, where it is loaded, says of which kind it is. */
export function previewOf(detail: ChatDetail, last: Message | undefined): string {
  const { last_message_text: text, last_message_timestamp: at, last_message_sender_id: sender } = detail;
  if (at === null) return "No messages yet";
  if (text === null) return "Message deleted";
  const kind = last !== undefined && last.timestamp === at ? KINDS[last.message_type] : undefined;
  const words = kind === undefined || text.startsWith(kind) ? text : `${kind}: ${text}`;
  return sender === client.userId ? `You: ${words}` : words;
}

/** Why this chat is not like the others, in a word or two. */
export function marksOf({ status, room, relationship_active, therapist_notifications }: ChatDetail): string[] {
  const marks: string[] = [];
  if (!relationship_active) marks.push("Ended");
  if (status === "blocked") marks.push("Blocked");
  if (status === "archived") marks.push("Archived");
  if (!room.is_active) marks.push("Room archived");
  if (!therapist_notifications) marks.push("Muted");
  return marks;
}

/** Case and accents do not count when one looks for a name. */
export const fold = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
