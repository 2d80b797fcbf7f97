// One menu at a time, in the top layer: opened from anywhere, closed by Escape, a choice or a click beside it.
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icons";

export interface MenuItem {
  readonly label: string;
  readonly icon?: IconName;
  readonly danger?: boolean;
  readonly run: () => void;
}

interface Opened {
  readonly label: string;
  readonly items: readonly MenuItem[];
  /** It stands at this element, and gives the focus back to it (or to `back`). */
  readonly at: HTMLElement;
  readonly back: HTMLElement;
}

const opened = signal<Opened | null>(null);
const GAP = 4;

export function openMenu(at: HTMLElement, label: string, items: readonly MenuItem[], back: HTMLElement = at): void {
  opened.value = { at, label, items, back };
}

/** Rendered once, by the app. */
export function MenuHost(): JSX.Element | null {
  const menu = opened.value;
  if (menu === null) return null;
  // A part of the page with a name, as all that is not a status is in one.
  return (
    <section aria-label={menu.label}>
      <Menu key={menu.label} menu={menu} />
    </section>
  );
}

function Menu({ menu }: { menu: Opened }): JSX.Element {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    element.showPopover();
    stand(element, menu.at.getBoundingClientRect());
    element.querySelector("button")?.focus({ preventScroll: true });
  }, [menu]);
  const close = (): void => {
    opened.value = null;
    if (menu.back.isConnected) menu.back.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const buttons = [...(ref.current?.querySelectorAll("button") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const wanted = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Tab" || event.key === "Escape") {
      event.preventDefault();
      close();
    }
    if (wanted === undefined) return;
    event.preventDefault();
    buttons.at(wanted % buttons.length)?.focus();
  };
  return (
    <div
      ref={ref}
      popover="auto"
      class="menu"
      role="menu"
      tabIndex={-1}
      aria-label={menu.label}
      onKeyDown={onKeyDown}
      onToggle={(event) => {
        if ((event as unknown as ToggleEvent).newState === "closed" && opened.peek() === menu) opened.value = null;
      }}
    >
      {menu.items.map(({ label, icon, danger, run }) => (
        <button
          key={label}
          type="button"
          role="menuitem"
          tabIndex={-1}
          class={danger === true ? "danger" : ""}
          onClick={() => {
            close();
            run();
          }}
        >
          {icon !== undefined && <Icon name={icon} size={18} />} {label}
        </button>
      ))}
    </div>
  );
}

/** Below the element, or above it where there is no room; never off the page. */
function stand(menu: HTMLElement, at: DOMRect): void {
  const { width, height } = menu.getBoundingClientRect();
  const below = at.bottom + GAP + height < innerHeight;
  const top = below ? at.bottom + GAP : Math.max(GAP, at.top - GAP - height);
  const left = Math.min(Math.max(GAP, at.right - width), innerWidth - width - GAP);
  menu.style.top = `${top}px`;
  menu.style.left = `${left}px`;
}
