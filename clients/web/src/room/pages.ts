// What there is to see of a room: a therapist's settings, and for a patient who can read it.
export { AccessPage } from "../patient/AccessPage";
export { RoomPage } from "./RoomPage";
