import { computed } from "@preact/signals";
import type { Role } from "@therapyconnect/client";
import { client, me, standing } from "./client";

/** The signed-in one's role: the server's word, and until that is here, what the id holds. */
export const roleIn = computed<Role | null>(() => {
  if (standing.value !== "signed-in") return null;
  if (me.value !== null) return me.value.role;
  const id = client.userId;
  if (id === null) return null;
  return id.startsWith("t_") ? "therapist" : id.startsWith("p_") ? "patient" : "admin";
});
