// What has become of an alert, as its therapist is told: only what has truly happened.
import type { Alert } from "@therapyconnect/client";
import { chatOf, live } from "../state/chats";
import { client } from "../state/client";
import { dayName, timeOf } from "../words/times";

/** Whether it still waits for a person. */
export const untaken = ({ state }: Alert): boolean => state === "raised" || state === "delivered" || state === "exhausted";

/** Whose it is. A deleted chat keeps its alerts, but no name is at hand. */
export function nameIn(alert: Alert): string {
  const chat = chatOf(alert.chat_id);
  return chat === undefined ? "A patient whose chat was deleted" : live(chat).detail.value.other_participant.full_name;
}

/** `Today, 14:03`. */
export const whenOf = (at: string, now: number): string => `${dayName(at, now)}, ${timeOf(at)}`;

export function stateOf(alert: Alert, now: number): string {
  switch (alert.state) {
    case "raised":
      return "Raised. No device of yours has confirmed it yet, and nobody has taken it.";
    case "delivered":
      return "It has reached a device of yours. Nobody has taken it yet.";
    case "exhausted":
      return "Nobody has acknowledged it in time. You can still take it.";
    case "acknowledged":
      return `Acknowledged by ${alert.acknowledged_by === client.userId ? "you" : "your clinic"}${alert.acknowledged_at === null ? "" : `: ${whenOf(alert.acknowledged_at, now)}`}.`;
    case "resolved":
      return `Over${alert.resolved_at === null ? "" : `: ${whenOf(alert.resolved_at, now)}`}.`;
  }
}
