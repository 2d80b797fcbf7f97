import { computed } from "@preact/signals";
import { roleOf, type Role } from "@therapyconnect/client";
import { client, me, standing } from "./client";

/** On which side of every chat the signed-in one is. */
export function mySide(): "therapist" | "patient" {
  return client.userId !== null && roleOf(client.userId) === "therapist" ? "therapist" : "patient";
}

/** The signed-in one's role: the server's word, and until that is here, what the id holds. */
export const roleIn = computed<Role | null>(() => {
  if (standing.value !== "signed-in") return null;
  if (me.value !== null) return me.value.role;
  return client.userId === null ? null : roleOf(client.userId);
});
