import type { Chat } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Avatar } from "../design/Avatar";
import { to } from "../router";
import { chats, live } from "../state/chats";
import { now } from "../state/clock";
import { briefly } from "../words/times";

/** A patient's chats, where there are several. */
export function PatientChats(): JSX.Element {
  return (
    <div class="page">
      <div class="inner stack">
        <h1>Your chats</h1>
        <ul class="patient-chats">
          {chats.value.map((chat) => (
            <Row key={chat.id} chat={chat} />
          ))}
        </ul>
      </div>
    </div>
  );
}

function Row({ chat }: { chat: Chat }): JSX.Element {
  const parts = live(chat);
  const { other_participant: other, last_message_text: last, last_message_timestamp: at, unread_count } = parts.detail.value;
  return (
    <li>
      <a class="card" href={to.chat(chat.id)}>
        <Avatar id={other.id} name={other.full_name} online={parts.online.value} />
        <span class="grow">
          <strong class="clip">{other.full_name}</strong>
          <small class="clip">{last ?? "No message yet"}</small>
        </span>
        {at !== null && <time dateTime={at}>{briefly(at, now.value)}</time>}
        {unread_count > 0 && (
          <span class="badge">
            {unread_count}
            <span class="sr-only"> new</span>
          </span>
        )}
      </a>
    </li>
  );
}
