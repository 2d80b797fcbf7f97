// Notices of the clinic, newest first: kept at the server, pushed as they come.
import { computed, signal } from "@preact/signals";
import type { Notification } from "@therapyconnect/client";
import { client, onForget } from "./client";

export const notifications = signal<readonly Notification[]>([]);
export const unreadNotifications = computed(() => notifications.value.filter((one) => one.read_at === null));

export async function loadNotifications(): Promise<void> {
  const page = await client.api.get("/api/notifications/", {});
  notifications.value = page.results;
}

export async function readNotification(id: string): Promise<void> {
  put(await client.api.post("/api/notifications/{id}/mark_read/", { path: { id } }));
}

function put(notification: Notification): void {
  const others = notifications.value.filter((one) => one.id !== notification.id);
  notifications.value = [notification, ...others].sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
}

client.on("notification", put);
client.on("synced", () => void loadNotifications().catch(() => undefined));
onForget(() => (notifications.value = []));
