// The wire's types under their own names; all are made from the served documents.
import type { components } from "./generated/api.js";
import type { UserSocketAsked, UserSocketSaid } from "./generated/frames.js";

type Schemas = components["schemas"];

export type Alert = Schemas["EmergencyAlert"];
export type ChatRow = Schemas["Chat"];
export type ChatDetail = Schemas["ChatDetail"];
export type CrisisResource = Schemas["CrisisResource"];
export type Horizons = Schemas["Horizons"];
export type Me = Schemas["Me"];
export type Message = Schemas["Message"];
export type MessageVersion = Schemas["MessageVersion"];
export type Notification = Schemas["Notification"];
export type Participant = Schemas["Participant"];
export type Receipts = Schemas["Receipts"];
export type Room = Schemas["Room"];
export type SendBody = Schemas["MessageCreateRequest"];
export type SentMessage = Schemas["SentMessage"];

/** A frame of the server on the user socket. */
export type Said = UserSocketSaid;
/** A frame to the server on the user socket. */
export type Asked = UserSocketAsked;
export type SaidOf<Type extends Said["type"]> = Extract<Said, { type: Type }>;

const EVENTS = [
  "chat_message",
  "new_message",
  "emergency_message",
  "message_edited",
  "message_deleted",
  "message_restored",
  "emergency_flagged",
  "chat_updated",
  "hidden",
] as const;

/** A frame that has a place in its chat's sequence. */
export type EventSaid = SaidOf<(typeof EVENTS)[number]>;

export function isEvent(said: Said): said is EventSaid {
  return (EVENTS as readonly string[]).includes(said.type);
}

/** The place: a message's own number, or that of what became of it. */
export function seqOf(said: EventSaid): number {
  return "message" in said && said.type !== "message_restored" ? said.message.seq : said.seq;
}

export type Role = Me["role"];

/** The role that an id holds. */
export function roleOf(userId: string): Role {
  return userId.startsWith("t_") ? "therapist" : userId.startsWith("p_") ? "patient" : "admin";
}
