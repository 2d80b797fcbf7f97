// The system's notifications: asked for on a click only, kept per browser, and never with a text or a name.
import { signal } from "@preact/signals";
import { go, to } from "../router";
import { client } from "./client";
import { locked } from "./lock";
import { loadSettings, settings } from "./settings";

const KEY = "therapyconnect.desktop";

/** `unsupported` where the browser has none, `denied` where it was told never to show them. */
export type Desktop = "unsupported" | "denied" | "off" | "on";

export const desktop = signal<Desktop>(standing());

function standing(): Desktop {
  if (typeof Notification === "undefined") return "unsupported";
  if (Notification.permission === "denied") return "denied";
  return Notification.permission === "granted" && localStorage.getItem(KEY) === "on" ? "on" : "off";
}

/** Call it from a click: the browser asks its user then. */
export async function enableDesktop(): Promise<void> {
  if (desktop.value === "unsupported") return;
  if ((await Notification.requestPermission()) === "granted") localStorage.setItem(KEY, "on");
  desktop.value = standing();
}

export function disableDesktop(): void {
  localStorage.removeItem(KEY);
  desktop.value = standing();
}

const WORDS = {
  message: "A new message is waiting for you.",
  urgent: "An urgent message is waiting for you.",
  unreached: "Nobody could be reached. Please look at your urgent message.",
} as const;

/** Shows it, unless the page is looked at. */
export function show(chatId: string, kind: keyof typeof WORDS): void {
  const looked = !locked.value && document.visibilityState === "visible" && document.hasFocus();
  if (desktop.value !== "on" || looked) return;
  // The same tag: several tabs show it once, and a second message does not pile up. Nor does it cover an urgent one.
  const options = { body: WORDS[kind], tag: `${chatId} ${kind}`, icon: "/favicon.svg", requireInteraction: kind !== "message" };
  let note: Notification;
  try {
    note = new Notification("TherapyConnect", options);
  } catch {
    desktop.value = "unsupported"; // on Android only a service worker may show one
    return;
  }
  note.onclick = () => {
    window.focus();
    go(to.chat(chatId));
    note.close();
  };
}

/** Whether it is one's quiet hours now, by the clock of one's own time zone; they may go over midnight. */
function quiet(): boolean {
  const { quiet_hours: hours, time_zone: timeZone } = settings.value ?? {};
  if (!hours) return false;
  const time = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...(timeZone ? { timeZone } : {}) });
  return hours.start <= hours.end ? hours.start <= time && time < hours.end : time >= hours.start || time < hours.end;
}

client.on("synced", () => {
  if (desktop.value === "on" && settings.value === null) loadSettings().catch(() => undefined);
});
client.on("message", ({ chat, mine, notify, message }) => {
  if (!mine && notify && !message.emergency && message.sender_id !== null && !quiet()) show(chat.id, "message");
});
client.on("emergency", ({ chat }) => show(chat.id, "urgent"));
