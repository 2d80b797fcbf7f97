// Refusals in plain words. What is not known here is said with the server's own.
import { TherapyConnectError } from "@therapyconnect/client";

const WORDS: Readonly<Record<string, string>> = {
  network_error: "The server can't be reached. Check your connection and try again.",
  aborted: "Cancelled.",
  signed_out: "You have been signed out. Sign in again.",
  queue_full: "Too many messages are waiting to be sent. Wait until you are online again.",
  email_password_mismatch: "That e-mail address and password don't match.",
  incorrect_code: "That code is not right. Codes change every 30 seconds: try the one shown now.",
  too_many_login_attempts: "Too many attempts. Wait a few minutes, then try again.",
  incorrect_password: "That password is not right.",
  chat_archived: "This chat is archived: nothing can be sent.",
  chat_blocked: "This chat is blocked: nothing can be sent.",
  relationship_ended: "Your care relationship has ended: the chat can be read, but nothing can be sent.",
  chat_deleted: "The chat with this person was deleted. The clinic's administration can bring it back.",
  blocked_by_other: "The other person has blocked this chat: only they can lift that.",
  therapist_only: "Only the therapist can do that.",
  already_resolved: "This is over already.",
  room_archived: "This room is archived: nothing can be sent.",
  sending_not_permitted: "Sending is switched off in this chat at the moment.",
  edit_window_closed: "It is too late to edit this message.",
  unsupported_type: "This kind of file can't be sent. Pictures, PDF, text, DOCX and ODT can.",
  deceptive_name: "This file can't be sent: its name hides what it is.",
  type_mismatch: "This file can't be sent: its name does not fit what is in it.",
  active_content: "This file can't be sent: it would run something. Export it anew as a plain PDF.",
  embedded_file: "This file can't be sent: another file is hidden in it.",
  external_content: "This file can't be sent: it would fetch something from elsewhere.",
  encrypted_file: "This file is under a password. Send it without one: the chat is encrypted.",
  damaged_file: "This file can't be sent: it is damaged. Open it and save it anew.",
  empty_file: "This file can't be sent: it is empty.",
  payload_too_large: "This is too large to be sent. A file may have 50 MB.",
  image_too_large: "This picture can't be sent: it has too many pixels.",
  quota_exceeded: "There is no room left for your files.",
  not_found: "That is not there any more.",
  unavailable: "The server is busy. Try again in a moment.",
  throttled: "That was a little fast. Try again in a moment.",
};

export function plain(error: unknown): string {
  if (!(error instanceof TherapyConnectError)) return "Something went wrong. Try again.";
  const known = WORDS[error.code];
  if (known !== undefined) return known;
  if (error.status === 429) {
    const seconds = Math.ceil(error.retryAfter ?? 0);
    return seconds > 0 ? `That was a little fast. Try again in ${seconds} s.` : (WORDS["throttled"] ?? "");
  }
  if (error.status >= 500) return "The server can't do that right now. Try again in a moment.";
  return error.message || "That was refused.";
}
