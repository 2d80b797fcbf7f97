// Where a list stands, and how it stays there while it grows above, below and within.

const END_PX = 32;

/** What is looked at: the end, or an element and its place. */
export type Place = { readonly end: true } | { readonly end: false; readonly element: Element | null; readonly top: number };

export function atEnd(list: HTMLElement): boolean {
  return list.scrollHeight - list.scrollTop - list.clientHeight <= END_PX;
}

export function toEnd(list: HTMLElement): void {
  list.scrollTop = list.scrollHeight;
}

/** Before a change: remember the first message in sight. */
export function placeOf(list: HTMLElement, end: boolean): Place {
  if (end) return { end };
  const top = list.getBoundingClientRect().top;
  for (const element of list.querySelectorAll("li")) {
    const box = element.getBoundingClientRect();
    if (box.bottom > top) return { end, element, top: box.top };
  }
  return { end, element: null, top: 0 };
}

/** After it: look at the same again. */
export function keepPlace(list: HTMLElement, place: Place): void {
  if (place.end) return toEnd(list);
  if (place.element === null || !place.element.isConnected) return;
  const moved = place.element.getBoundingClientRect().top - place.top;
  if (moved !== 0) list.scrollTop += moved;
}
