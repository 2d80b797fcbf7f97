// Why nothing can be written here now, in one plain sentence.
import type { ChatDetail } from "@therapyconnect/client";

/** Null where one may write. */
export function closedBecause(detail: ChatDetail, role: "therapist" | "patient"): string | null {
  const { room, status } = detail;
  if (!detail.relationship_active) return "The care relationship has ended. What was said can be read; nothing can be added.";
  if (status === "deleted") return "This chat was deleted.";
  if (status === "blocked") return "This chat is blocked. What was said can be read; nothing can be sent.";
  if (status === "archived") return "This chat is archived. What was said can be read; nothing can be sent.";
  if (!room.is_active) return "This room is archived. What was said can be read; nothing can be sent.";
  const may = role === "therapist" ? room.therapist_can_send : room.patient_can_send;
  if (may) return null;
  return role === "therapist"
    ? "Sending is switched off for you in this room's settings."
    : "Your therapist has switched off writing in this chat for now.";
}
