import { later } from "../design/later";

const pages = (): Promise<typeof import("./pages")> => import("./pages");

/** A room's settings: seldom opened, so in a file of their own. */
export const { Screen: Room, fetch: fetchRoom } = later(async () => (await pages()).RoomPage, "Room");
/** In the same file, who can read the chat. */
export const { Screen: Access, fetch: fetchAccess } = later(async () => (await pages()).AccessPage, "Who can read this chat");
