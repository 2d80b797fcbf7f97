// One's own settings, read once and kept by what the server answers.
import { signal } from "@preact/signals";
import type { AnswerOf, Given } from "@therapyconnect/client";
import { client, onForget } from "./client";

export type Settings = AnswerOf<"/api/me/settings/", "get">;
export type SettingsChange = Given<"/api/me/settings/", "patch">["body"];

/** Null until they were read. */
export const settings = signal<Settings | null>(null);

export async function loadSettings(): Promise<Settings> {
  return (settings.value = await client.api.get("/api/me/settings/", {}));
}

export async function changeSettings(change: NonNullable<SettingsChange>): Promise<Settings> {
  return (settings.value = await client.api.patch("/api/me/settings/", { body: change }));
}

onForget(() => (settings.value = null));
