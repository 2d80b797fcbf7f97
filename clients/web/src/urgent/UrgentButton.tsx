import type { Chat } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { askUrgent } from "./asked";

/** A patient's way to call for help in this chat: the first of two steps. There, whatever the chat's state. */
export function UrgentButton({ chat }: { chat: Chat }): JSX.Element {
  return (
    <button type="button" class="danger urgent-button" aria-haspopup="dialog" onClick={() => askUrgent(chat)}>
      <Icon name="alert" size={18} /> Urgent
    </button>
  );
}
