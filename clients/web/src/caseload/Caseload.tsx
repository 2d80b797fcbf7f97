import type { JSX } from "preact";
import { Avatar } from "../design/Avatar";
import { to } from "../router";
import { chats, live } from "../state/chats";
import type { Chat } from "@therapyconnect/client";

/** The therapist's chats. `selected` is the open one's id. */
export function Caseload({ selected }: { selected: string | null }): JSX.Element {
  return (
    <ul class="caseload">
      {chats.value.map((chat) => (
        <li key={chat.id}>
          <Row chat={chat} current={chat.id === selected} />
        </li>
      ))}
    </ul>
  );
}

function Row({ chat, current }: { chat: Chat; current: boolean }): JSX.Element {
  const parts = live(chat);
  const { value: detail } = parts.detail;
  const other = detail.other_participant;
  return (
    <a href={to.chat(chat.id)} aria-current={current ? "page" : undefined} class="row">
      <Avatar id={other.id} name={other.full_name} online={parts.online.value} />
      <span class="grow">
        <span class="clip">{other.full_name}</span>
      </span>
      {detail.unread_count > 0 && <span class="badge">{detail.unread_count}</span>}
    </a>
  );
}
