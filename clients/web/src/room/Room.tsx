import { later } from "../design/later";

/** A room's settings: seldom opened, so in a file of their own. */
export const { Screen: Room, fetch: fetchRoom } = later(async () => (await import("./RoomPage")).RoomPage, "Room");
