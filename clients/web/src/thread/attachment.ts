import type { Message } from "@therapyconnect/client";

/** The id of a message's file, out of its address; null where it has none. */
export function attachmentIdOf(message: Message): string | null {
  return message.attachment_url?.match(/\/attachments\/([^/]+)\//)?.[1] ?? null;
}
