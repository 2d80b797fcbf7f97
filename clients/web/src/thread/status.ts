// How far a message has got, in words.
import type { Alert, Message, Outgoing } from "@therapyconnect/client";

export type Step = "waiting" | "sending" | "failed" | Message["read_status"];

export const STEPS: Readonly<Record<Step, string>> = {
  waiting: "Waiting to be sent",
  sending: "Sending",
  failed: "Not sent",
  sent: "Sent",
  delivered: "Delivered",
  read: "Read",
};

export function stepOf(outgoing: Outgoing): Step {
  if (outgoing.state === "failed") return "failed";
  return outgoing.state === "queued" || outgoing.error !== null ? "waiting" : "sending";
}

/** Only what has truly happened to a call for help. */
export function alertWords(alert: Alert, role: "therapist" | "patient"): string {
  const mine = role === "patient";
  switch (alert.state) {
    case "raised":
      return mine ? "Your therapist is being alerted." : "Waits for someone to take it.";
    case "delivered":
      return mine ? "It reached your therapist's device. Nobody has taken it yet." : "Waits for someone to take it.";
    case "acknowledged":
      return mine ? "Your therapist has seen it and takes care of it." : "Taken.";
    case "exhausted":
      return mine ? "Nobody could be reached in time. Please call for help." : "Nobody took it in time.";
    case "resolved":
      return "Closed.";
  }
}
