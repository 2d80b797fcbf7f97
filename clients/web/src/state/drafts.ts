// What was begun and not sent: outlives a reload, not a log-out.

const PREFIX = "therapyconnect.draft.";

const keyOf = (userId: string, chatId: string): string => `${PREFIX}${userId}.${chatId}`;

export function draftOf(userId: string, chatId: string): string {
  return localStorage.getItem(keyOf(userId, chatId)) ?? "";
}

export function keepDraft(userId: string, chatId: string, text: string): void {
  const key = keyOf(userId, chatId);
  try {
    if (text === "") localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // The browser keeps nothing, or no more: then it lives as long as the page.
  }
}

export function forgetDrafts(): void {
  for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
}
