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

export type Role = Me["role"];

/** The role that an id holds. */
export function roleOf(userId: string): Role {
  return userId.startsWith("t_") ? "therapist" : userId.startsWith("p_") ? "patient" : "admin";
}
