import type { Signal } from "@preact/signals";
import type { Chat } from "@therapyconnect/client";
import type { JSX, RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Asking } from "./deeds";
import { Row } from "./Row";

interface Props {
  readonly list: RefObject<HTMLUListElement | null>;
  readonly chats: readonly Chat[];
  readonly selected: string | null;
  /** True while the pointer or the keyboard is in the list: its order is held then. */
  readonly reading: Signal<boolean>;
  readonly onAsk: (asking: Asking) => void;
}

/** The rows: one stop for Tab, arrows between them; the focus stays with its row wherever that goes. */
export function Rows({ list, chats, selected, reading, onAsk }: Props): JSX.Element {
  const [active, setActive] = useState<string | null>(null);
  const focused = useRef<HTMLElement | null>(null);
  const pointed = useRef(false);
  const stop = [active, selected].find((id) => chats.some((chat) => chat.id === id)) ?? chats[0]?.id;

  // A row that is moved loses the focus to nothing.
  useLayoutEffect(() => {
    const { current } = focused;
    if (current !== null && current.isConnected && document.activeElement === document.body) current.focus({ preventScroll: true });
  });

  const look = (): void => {
    reading.value = pointed.current || focused.current?.matches(":focus-visible") === true;
  };
  const onPointer = (event: PointerEvent): void => {
    pointed.current = event.type === "pointerenter" && event.pointerType === "mouse";
    look();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const rows = [...(list.current?.querySelectorAll<HTMLElement>("a") ?? [])];
    const at = rows.findIndex((row) => row.parentElement?.contains(document.activeElement));
    const wanted = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    rows[Math.min(Math.max(wanted, 0), rows.length - 1)]?.focus();
  };
  return (
    <ul
      ref={list}
      onPointerEnter={onPointer}
      onPointerLeave={onPointer}
      onKeyDown={onKeyDown}
      onFocusIn={({ target }) => {
        focused.current = target as HTMLElement;
        const id = focused.current.closest("li")?.querySelector<HTMLElement>("[data-chat]")?.dataset["chat"];
        if (id !== undefined) setActive(id);
        look();
      }}
      onFocusOut={({ relatedTarget, target }) => {
        // Without anywhere else to go, the row may only have been moved.
        if (relatedTarget === null && !(target as Element).isConnected) return;
        focused.current = null;
        look();
      }}
    >
      {chats.map((chat) => (
        <Row key={chat.id} chat={chat} current={chat.id === selected} stop={chat.id === stop} onAsk={onAsk} />
      ))}
    </ul>
  );
}
