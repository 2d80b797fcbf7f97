// The time, every half minute: for "waiting 12 min" and "Today".
import { signal } from "@preact/signals";

export const now = signal(Date.now());

const tick = (): void => {
  now.value = Date.now();
};
setInterval(tick, 30_000);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") tick();
});
