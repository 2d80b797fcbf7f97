// One tab stop for the whole log; arrows go from message to message.

const ITEMS = "li[tabindex]";

/** Exactly one can be reached by Tab: where one was last, else the newest. */
export function keepTabStop(log: HTMLElement): void {
  const stops = log.querySelectorAll<HTMLElement>('li[tabindex="0"]');
  const within = log.contains(document.activeElement);
  if (stops.length === 1 && within) return;
  const last = [...log.querySelectorAll<HTMLElement>(ITEMS)].at(-1);
  for (const stop of stops) if (stop !== last) stop.tabIndex = -1;
  if (last !== undefined) last.tabIndex = 0;
}

export function focusItem(log: HTMLElement, item: HTMLElement): void {
  for (const stop of log.querySelectorAll<HTMLElement>('li[tabindex="0"]')) stop.tabIndex = -1;
  item.tabIndex = 0;
  item.focus();
}

export function focusLast(log: HTMLElement): void {
  const last = [...log.querySelectorAll<HTMLElement>(ITEMS)].at(-1);
  if (last !== undefined) focusItem(log, last);
}

/** Whether the key was one of these: arrows, Home and End move, Enter opens what can be done. */
export function rove(log: HTMLElement, event: KeyboardEvent): boolean {
  const here = document.activeElement;
  if (!(here instanceof HTMLElement) || !here.matches(ITEMS)) return false;
  const menu = event.key === "Enter" || event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
  if (menu) {
    here.querySelector<HTMLElement>("button.more")?.click();
    return true;
  }
  const items = [...log.querySelectorAll<HTMLElement>(ITEMS)];
  const at = items.indexOf(here);
  const wanted = { ArrowUp: items[at - 1], ArrowDown: items[at + 1], Home: items[0], End: items.at(-1) }[event.key];
  if (wanted === undefined) return event.key === "ArrowUp" || event.key === "ArrowDown";
  focusItem(log, wanted);
  return true;
}
