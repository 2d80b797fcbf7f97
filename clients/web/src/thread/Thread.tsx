import type { Chat } from "@therapyconnect/client";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Avatar } from "../design/Avatar";
import { Icon } from "../design/icons";
import { live } from "../state/chats";

interface Props {
  readonly chat: Chat;
  /** Where the arrow leads on a narrow screen; without it there is none. */
  readonly back?: string;
  /** More in the header, at its end. */
  readonly actions?: ComponentChildren;
  /** Beside the composer: a patient's way to call for help. */
  readonly urgent?: ComponentChildren;
}

/** One chat: who it is with, what was said, and what one writes. */
export function Thread({ chat, back, actions, urgent }: Props): JSX.Element {
  const parts = live(chat);
  const other = parts.detail.value.other_participant;
  const [text, setText] = useState("");
  useEffect(() => void chat.load().catch(() => undefined), [chat]);
  return (
    <section class="thread" aria-label={`Chat with ${other.full_name}`}>
      <header>
        {back !== undefined && (
          <a class="button-plain narrow-only" href={back} aria-label="Back to the list">
            <Icon name="back" />
          </a>
        )}
        <Avatar id={other.id} name={other.full_name} online={parts.online.value} />
        <h2 class="grow clip">{other.full_name}</h2>
        {actions}
      </header>
      <ul class="log">
        {parts.messages.value.map((message) => (
          <li key={message.id}>{message.text}</li>
        ))}
        {parts.outgoing.value.map((outgoing) => (
          <li key={outgoing.id}>{outgoing.body.text}</li>
        ))}
      </ul>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() === "") return;
          chat.send({ text });
          setText("");
        }}
      >
        <input aria-label="Message" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        {urgent}
      </form>
    </section>
  );
}
