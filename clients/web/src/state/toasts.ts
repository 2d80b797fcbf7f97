// Short words at the foot of the page, with one thing to do at most.
import { signal } from "@preact/signals";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}

export const toasts = signal<readonly Toast[]>([]);
let last = 0;

export function toast(text: string, action?: Toast["action"]): void {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value, action === undefined ? { id, text } : { id, text, action }];
  setTimeout(() => dismiss(id), action === undefined ? 5_000 : 10_000);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}
