// Which chats of the caseload are shown.
import type { ChatDetail } from "@therapyconnect/client";

export type FilterName = "all" | "unread" | "archived" | "blocked";

export const shows: Readonly<Record<FilterName, (detail: ChatDetail) => boolean>> = {
  all: () => true,
  unread: ({ unread_count, marked_unread }) => unread_count > 0 || marked_unread,
  archived: ({ status, room }) => status === "archived" || !room.is_active,
  blocked: ({ status }) => status === "blocked",
};

/** With what is said where none is to be shown. */
export const FILTERS: readonly { readonly name: FilterName; readonly label: string; readonly none: string }[] = [
  { name: "all", label: "All", none: "You have no chats yet." },
  { name: "unread", label: "Unread", none: "Nothing is unread. You are up to date." },
  { name: "archived", label: "Archived", none: "No chat is archived." },
  { name: "blocked", label: "Blocked", none: "No chat is blocked." },
];
