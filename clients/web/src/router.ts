// Where one is, in the address after the #: the server answers at / alone.
import { computed, signal } from "@preact/signals";

export type Place =
  | { readonly name: "home" | "alerts" | "account" | "urgent" }
  | { readonly name: "chat" | "room"; readonly chatId: string };

const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));

export const place = computed<Place>(() => {
  const [name, id] = hash.value.replace(/^#\/?/, "").split("/");
  if (name === "chats" && id) return { name: "chat", chatId: decodeURIComponent(id) };
  if (name === "room" && id) return { name: "room", chatId: decodeURIComponent(id) };
  if (name === "alerts" || name === "account" || name === "urgent") return { name };
  return { name: "home" };
});

export const to = {
  home: "#/",
  alerts: "#/alerts",
  account: "#/account",
  chat: (chatId: string): string => `#/chats/${encodeURIComponent(chatId)}`,
  room: (chatId: string): string => `#/room/${encodeURIComponent(chatId)}`,
} as const;

export function go(address: string): void {
  location.hash = address;
}
