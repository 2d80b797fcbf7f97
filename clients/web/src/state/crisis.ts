// Whom a patient can call where they are: asked before anything happens, and kept for when there is no line.
import { signal } from "@preact/signals";
import type { CrisisResource } from "@therapyconnect/client";
import { client, onForget } from "./client";
import { roleIn } from "./role";

const KEY = "therapyconnect.crisis";

/** The emergency number first, where the region is known; empty until it was ever heard. */
export const crisis = signal<readonly CrisisResource[]>(kept());

function kept(): readonly CrisisResource[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as CrisisResource[];
  } catch {
    return [];
  }
}

function put(resources: readonly CrisisResource[]): void {
  if (resources.length === 0) return;
  crisis.value = resources;
  try {
    localStorage.setItem(KEY, JSON.stringify(resources));
  } catch {
    // Then it lives as long as the page.
  }
}

export async function loadCrisis(): Promise<void> {
  try {
    put(await client.loadCrisisResources());
  } catch {
    // What was kept is shown; asked again with the next connection.
  }
}

client.on("synced", () => {
  if (roleIn.value === "patient") void loadCrisis();
});
client.on("outgoing", ({ crisisResources }) => put(crisisResources));
onForget(() => {
  crisis.value = [];
  localStorage.removeItem(KEY);
});
