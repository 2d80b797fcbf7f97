// What is said to who listens instead of looking: arrivals, politely, one after the other.
import { signal } from "@preact/signals";

export const announced = signal("");

let clearing: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string): void {
  // The same words twice are only heard twice if they differ: a space that nobody hears.
  announced.value = announced.value === text ? `${text}\u00a0` : text;
  clearTimeout(clearing);
  clearing = setTimeout(() => (announced.value = ""), 10_000);
}
