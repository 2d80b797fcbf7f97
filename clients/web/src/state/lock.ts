// The idle lock: by the clock on the wall, since a laptop that slept has no timers; of one mind in all tabs.
import { signal } from "@preact/signals";
import { client, logOut, onForget, queue, standing } from "./client";
import { toasts } from "./toasts";

const MINUTES = "therapyconnect.lock.minutes";
const ACTIVE = "therapyconnect.lock.active";
const LOCKED = "therapyconnect.lock.locked";
const DEFAULT_MINUTES = 15;
/** So long without a hand on it, and the session is over. */
const LONGEST_MS = 12 * 3_600_000;
const NOTED_MS = 5_000;
const LOOK_MS = 5_000;

export const LOCK_CHOICES = [5, 15, 30, 0] as const;

/** Covered until the password was said again. */
export const locked = signal(localStorage.getItem(LOCKED) !== null);
/** After so many minutes; 0: never. */
export const lockMinutes = signal(chosen());

function chosen(): number {
  const kept = Number(localStorage.getItem(MINUTES) ?? DEFAULT_MINUTES);
  return (LOCK_CHOICES as readonly number[]).includes(kept) ? kept : DEFAULT_MINUTES;
}

export function chooseLock(minutes: number): void {
  lockMinutes.value = minutes;
  localStorage.setItem(MINUTES, String(minutes));
}

export function lock(): void {
  if (standing.value !== "signed-in") return;
  localStorage.setItem(LOCKED, "1");
  locked.value = true;
  toasts.value = [];
}

/** Throws what refuses the password. */
export async function unlock(password: string): Promise<void> {
  await client.account.confirm(password);
  note();
  localStorage.removeItem(LOCKED);
  locked.value = false;
}

function note(): void {
  localStorage.setItem(ACTIVE, String(Date.now()));
}

/** Milliseconds since anybody did anything, in any tab. */
function idle(): number {
  const kept = localStorage.getItem(ACTIVE);
  if (kept === null) note();
  return kept === null ? 0 : Math.max(0, Date.now() - Number(kept));
}

function look(): void {
  if (standing.value !== "signed-in" || lockMinutes.value === 0) return;
  const time = idle();
  if (time >= lockMinutes.value * 60_000) lock();
  if (time >= LONGEST_MS) void end();
}

/** What waits to be sent goes out behind the cover first; what was refused waits for nothing. */
async function end(): Promise<void> {
  const kept = await queue.all();
  if (standing.value === "signed-in" && kept.every(({ failed }) => failed !== undefined)) await logOut();
}

/** A hand on it: keeps it open, unless it was already too late. */
function touched(): void {
  look();
  if (!locked.value && standing.value === "signed-in" && idle() > NOTED_MS) note();
}

for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
  addEventListener(kind, touched, { capture: true, passive: true });
}
for (const kind of ["focus", "pageshow"]) addEventListener(kind, look);
document.addEventListener("visibilitychange", look);
setInterval(look, LOOK_MS);
addEventListener("storage", ({ key }) => {
  if (key === LOCKED || key === null) locked.value = localStorage.getItem(LOCKED) !== null;
  if (key === MINUTES || key === null) lockMinutes.value = chosen();
});
// Before anything is drawn: what was left open yesterday opens locked.
standing.subscribe(look);
onForget(() => {
  for (const key of [MINUTES, ACTIVE, LOCKED]) localStorage.removeItem(key);
  locked.value = false;
  lockMinutes.value = DEFAULT_MINUTES;
});
