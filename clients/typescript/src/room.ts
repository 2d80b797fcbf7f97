// A chat's room: what it is for, and who may send and see what.
import type { Api } from "./api.js";
import type { Room, RoomChange, RoomPermissions } from "./types.js";

/** Read by both; changed by the chat's therapist. Each change comes to both as the chat's `detail`. */
export class ChatRoom {
  /** @internal */
  constructor(
    private readonly api: Api,
    private readonly now: () => Room,
    private readonly changed: () => Promise<unknown>,
  ) {}

  get state(): Room {
    return this.now();
  }

  /** Type, description, tags. */
  change(body: RoomChange): Promise<Room> {
    return this.#after(this.api.patch("/api/chat-rooms/{id}/", { path: this.#path(), body }));
  }

  /** Who may send; from whom what was said up to now is hidden. */
  permit(body: RoomPermissions): Promise<Room> {
    return this.#after(this.api.post("/api/chat-rooms/{id}/update_permissions/", { path: this.#path(), body }));
  }

  /** Nobody sends any more, but for a patient's emergency. */
  archive(): Promise<Room> {
    return this.#after(this.api.post("/api/chat-rooms/{id}/archive_room/", { path: this.#path() }));
  }

  activate(): Promise<Room> {
    return this.#after(this.api.post("/api/chat-rooms/{id}/activate_room/", { path: this.#path() }));
  }

  #path(): { id: string } {
    return { id: this.now().id };
  }

  async #after(asked: Promise<unknown>): Promise<Room> {
    await asked;
    await this.changed();
    return this.now();
  }
}
