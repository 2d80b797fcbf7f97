import type { JSX } from "preact";
import { to } from "../router";
import { chats, live } from "../state/chats";

/** A patient's chats, where there are several. */
export function PatientChats(): JSX.Element {
  return (
    <ul>
      {chats.value.map((chat) => (
        <li key={chat.id}>
          <a href={to.chat(chat.id)}>{live(chat).detail.value.other_participant.full_name}</a>
        </li>
      ))}
    </ul>
  );
}
