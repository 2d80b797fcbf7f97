// What the server or the clinic tells a user; free of patient text.
import type { Api, Page } from "./api.js";
import { Emitter } from "./emitter.js";
import type { Announcement, Notification, NotificationDraft } from "./types.js";

export interface NotificationsEvents {
  /** One that came: each once, also where it came while nobody listened. */
  came: Notification;
}

const REMEMBERED = 500;

export class Notifications extends Emitter<NotificationsEvents> {
  readonly #told = new Set<string>();
  /** The place of the newest at the first look: what lies before it is no news, on whichever page it was then. */
  #before: string | null = null;

  /** @internal */
  constructor(private readonly api: Api) {
    super();
  }

  /** Newest first; further pages with `client.api.next(page)`. */
  list(query: { unread?: boolean; limit?: number } = {}): Promise<Page<Notification>> {
    return this.api.get("/api/notifications/", { query });
  }

  markRead(id: string): Promise<Notification> {
    return this.api.post("/api/notifications/{id}/mark_read/", { path: { id } });
  }

  /** An administrator's: to some (`user_ids`), or to `everyone`. */
  write(body: NotificationDraft): Promise<Announcement> {
    return this.api.post("/api/notifications/", { body });
  }

  /** @internal Those that came since the last look; what was there at the first is no news. */
  async load(): Promise<void> {
    const { results } = await this.list({ unread: true });
    this.#before ??= results.map(placeOf)[0] ?? "";
    for (const one of results.reverse()) if (placeOf(one) > this.#before) this.hear(one);
  }

  /** @internal */
  hear(notification: Notification): void {
    if (this.#told.has(notification.id)) return;
    this.#told.add(notification.id);
    for (const oldest of this.#told) {
      if (this.#told.size <= REMEMBERED) break;
      this.#told.delete(oldest);
    }
    this.emit("came", notification);
  }

  /** @internal */
  clear(): void {
    this.#told.clear();
    this.#before = null;
  }
}

/** In the order of the list. */
function placeOf({ created_at, id }: Notification): string {
  return created_at + id;
}
