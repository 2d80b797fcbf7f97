// Whether the line is gone long enough to say so: at once where the browser knows, else after a moment.
import { computed, effect, signal } from "@preact/signals";
import { client, connection, mustEnrol, standing } from "./client";

const PATIENCE_MS = 1_500;

const browserOnline = signal(navigator.onLine);
const late = signal(false);

addEventListener("online", () => (browserOnline.value = true));
addEventListener("offline", () => (browserOnline.value = false));
// A page that is looked at again waits for no pause.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") client.connection.nudge();
});

let timer: ReturnType<typeof setTimeout> | undefined;
effect(() => {
  const here = connection.value.status === "online" || standing.value !== "signed-in";
  if (here) {
    clearTimeout(timer);
    timer = undefined;
    late.value = false;
  } else timer ??= setTimeout(() => (late.value = true), PATIENCE_MS);
});

/** What to say of the line; null while it is well. */
export const offline = computed<"offline" | "away" | null>(() => {
  if (standing.value !== "signed-in" || mustEnrol.value) return null;
  if (!browserOnline.value) return "offline";
  return late.value ? "away" : null;
});
