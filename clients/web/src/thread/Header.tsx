import type { Chat } from "@therapyconnect/client";
import type { ComponentChildren, JSX } from "preact";
import { Avatar } from "../design/Avatar";
import { Icon } from "../design/icons";
import { live } from "../state/chats";

interface Props {
  readonly chat: Chat;
  readonly back?: string | undefined;
  readonly actions?: ComponentChildren;
}

/** Who it is with, whether they are there, and where one can go from here. */
export function Header({ chat, back, actions }: Props): JSX.Element {
  const parts = live(chat);
  const other = parts.detail.value.other_participant;
  const online = parts.online.value;
  return (
    <header>
      {back !== undefined && (
        <a class="button-plain narrow-only" href={back} aria-label="Back to the list">
          <Icon name="back" />
        </a>
      )}
      <Avatar id={other.id} name={other.full_name} online={online} />
      <div class="grow">
        <h1 class="clip">{other.full_name}</h1>
        <small>
          {other.role === "therapist" ? "Your therapist" : "Patient"}
          {online !== null && (online ? ", online" : ", not online")}
        </small>
      </div>
      {actions}
    </header>
  );
}
