import type { Chat } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { live } from "../state/chats";

/** A patient's way to call for help in this chat: begins the two deliberate steps. */
export function UrgentButton({ chat }: { chat: Chat }): JSX.Element | null {
  if (!live(chat).detail.value.relationship_active) return null;
  return (
    <a class="button-plain" href="#/urgent" aria-label="I need help now">
      <Icon name="phone" />
    </a>
  );
}
