// The few signs that are used, drawn on one grid; words stand beside them or in a label.
import type { JSX } from "preact";

const PATHS = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  send: "M5 12h13M12.5 5.5L19 12l-6.5 6.5",
  attach: "M8 12.5l5.7-5.7a3 3 0 0 1 4.2 4.2l-7.4 7.4a5 5 0 0 1-7-7l7.2-7.2",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clock: "M12 7.5V12l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  alert: "M12 8.5v4.5M12 16.4v.01M10.4 4.3L2.9 17.2A1.9 1.9 0 0 0 4.5 20h15a1.9 1.9 0 0 0 1.6-2.8L13.6 4.3a1.9 1.9 0 0 0-3.2 0z",
  down: "M6 9.5l6 6 6-6",
  reply: "M9.5 6L4 11.5 9.5 17M4.5 11.5H14a6 6 0 0 1 6 6V19",
  edit: "M4 20l1-4.5L16.2 4.3a1.8 1.8 0 0 1 2.6 0l.9.9a1.8 1.8 0 0 1 0 2.6L8.5 19z",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.400L17 7",
  undo: "M8.5 5L4 9.5 8.5 14M4.5 9.500H14a5 5 0 0 1 0 10h-3",
  copy: "M9 9h10v11H9zM15 9V4.500H5V15h4",
  calendar: "M5 6h14v14H5zM5 10.500h14M9 3.500V7M15 3.500V7",
  pill: "M9.5 19.500a4.2 4.2 0 0 1-6-6l8-8a4.2 4.2 0 0 1 6 6zM7.5 9.500l6 6",
  file: "M7 3.500h7l4 4V20.500H7zM14 3.500V8h4",
  image: "M4.5 5.500h15v13h-15zM4.5 16l4.5-4.5 4 4 2.5-2.5 4 4M15 9.500v.01",
  download: "M12 4.500V15M7 10.500l5 5 5-5M5 19.500h14",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.500L20 20",
  settings: "M5 8h8M17 8h2M5 16h2M11 16h8M15 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM9 18a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0",
  key: "M14.5 13.500a4.5 4.5 0 1 0-4.3-3.200L4 16.500V20h3.500v-2.500H10V15l1.7-1.700a4.5 4.5 0 0 0 2.8.2zM16 8v.01",
  plus: "M12 5v14M5 12h14",
  phone: "M6 4h3.500l1.5 4.5-2 1.500a11 11 0 0 0 5 5l1.5-2 4.5 1.500V18a2 2 0 0 1-2.2 2A16 16 0 0 1 4 6.2 2 2 0 0 1 6 4z",
  chat: "M5 11a5.5 5.5 0 0 1 5.5-5.500h3a5.5 5.5 0 0 1 0 11H11L6.5 20v-4.500A5.5 5.5 0 0 1 5 11z",
  bell: "M6 16.500V11a6 6 0 0 1 12 0v5.500l1.5 1.500h-15zM10.5 20.500h3",
  mute: "M6 16.500V11a6 6 0 0 1 9.500-4.900M18 11v5.500l1.5 1.500H8M10.5 20.500h3M4 4l16 16",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The product's mark: two that speak. */
export function Mark({ size = 24 }: { size?: number }): JSX.Element {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true">
      <path d="M4 12.500A6.5 6.5 0 0 1 10.5 6h7a6.5 6.5 0 0 1 0 13H11l-7 5.500z" fill="currentColor" />
      <path d="M25.5 12.500A6.5 6.5 0 0 1 28 17.600c0 2.4-1.2 4.3-3 5.400v4l-4.6-3H16" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
