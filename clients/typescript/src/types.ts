// The wire's types under their own names; all are made from the served documents.
import type { components } from "./generated/api.js";
import type { UserSocketAsked, UserSocketSaid } from "./generated/frames.js";

type Schemas = components["schemas"];

export type Announcement = Schemas["Announcement"];
/** What one answers an appointment with. */
export type AppointmentAnswer = Omit<Schemas["AppointmentReplyRequest"], "user_id">;
export type Alert = Schemas["EmergencyAlert"];
/** A file on its way: `scanning`, then `ready`; or `quarantined`, or `rejected` as damaged. */
export type Attachment = Schemas["Attachment"];
export type CareRelationship = Schemas["CareRelationship"];
export type ChatRow = Schemas["Chat"];
export type ChatDetail = Schemas["ChatDetail"];
export type CrisisResource = Schemas["CrisisResource"];
export type Horizons = Schemas["Horizons"];
export type Me = Schemas["Me"];
export type Message = Schemas["Message"];
export type MessageVersion = Schemas["MessageVersion"];
export type Notification = Schemas["Notification"];
export type NotificationDraft = Schemas["NotificationCreateRequest"];
export type Participant = Schemas["Participant"];
export type Receipts = Schemas["Receipts"];
export type Room = Schemas["Room"];
export type RoomChange = Omit<Schemas["PatchedRoomUpdateRequest"], "user_id">;
export type RoomPermissions = Omit<Schemas["RoomPermissionsRequest"], "user_id">;
export type SendBody = Schemas["MessageCreateRequest"];
export type SentMessage = Schemas["SentMessage"];
/** One's own preferences; a therapist has two more. */
export type Settings = Schemas["SettingsOrTherapistSettings"];
export type SettingsChange = Omit<Schemas["PatchedSettingsChangeRequest"], "user_id">;

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
