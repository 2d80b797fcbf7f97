import type { Message } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { alertsByMessage } from "../state/alerts";
import { mySide } from "../state/role";
import { alertWords } from "./status";

/** The mark of an urgent message, and what has become of the alert that it raised. */
export function AlertState({ message }: { message: Message }): JSX.Element {
  const alert = alertsByMessage.value.get(message.id);
  return (
    <p class="urgent-mark">
      <Icon name="alert" size={16} />
      <span>
        <strong>Urgent.</strong> {alert !== undefined && alertWords(alert, mySide())}
      </span>
    </p>
  );
}
