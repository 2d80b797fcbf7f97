// Emergency alerts that are not over, the oldest first: as the SDK holds them.
import { signal } from "@preact/signals";
import type { Alert } from "@therapyconnect/client";
import { client, onForget } from "./client";

export const alerts = signal<readonly Alert[]>([]);
/** The latest state of any alert heard of, by the message that raised it. */
export const alertsByMessage = signal<ReadonlyMap<string, Alert>>(new Map());

client.on("alert", (alert) => {
  alerts.value = [...client.alerts.open];
  alertsByMessage.value = new Map(alertsByMessage.value).set(alert.message_id, alert);
});
onForget(() => {
  alerts.value = [];
  alertsByMessage.value = new Map();
});
