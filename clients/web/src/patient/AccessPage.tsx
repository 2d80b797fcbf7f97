import type { Chat } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { live } from "../state/chats";
import { closedBecause } from "../thread/closed";
import { Region } from "./Region";

/** Who can read this chat, in plain words. */
export function AccessPage({ chat, back }: { chat: Chat; back: string }): JSX.Element {
  const { value: detail } = live(chat).detail;
  const { other_participant: other, room } = detail;
  const closed = closedBecause(detail, "patient");
  return (
    <div class="page">
      <div class="inner stack">
        <a class="button-plain" href={back}>
          <Icon name="back" size={18} /> Back to the chat
        </a>
        <h1>Who can read this chat</h1>
        <section class="card stack">
          <h2>Can read it</h2>
          <ul class="access">
            <li>
              <Icon name="check" /> <span><strong>You</strong>{!room.patient_can_see_history && ", from when your therapist hid what was said before"}</span>
            </li>
            <li>
              <Icon name="check" /> <span><strong>{other.full_name}</strong>, your therapist{!room.therapist_can_see_history && ", without what was said before the history was hidden"}</span>
            </li>
          </ul>
          <h2>Can not read it</h2>
          <ul class="access">
            <li>
              <Icon name="lock" /> <span><strong>Other therapists and patients.</strong> For them this chat does not exist.</span>
            </li>
            <li>
              <Icon name="lock" /> <span><strong>The clinic's support staff.</strong> They see that the chat exists and whether it is open; not a word of it, and not how much was written.</span>
            </li>
          </ul>
        </section>
        <section class="card stack">
          <h2>What the server keeps</h2>
          <p>
            Your messages and files are stored on your clinic's server, each sealed with a key. They are <strong>not end-to-end encrypted</strong>: who holds
            the server and its keys could open them. The server reads no message to judge it.
          </p>
          <p>
            When you edit a message, its earlier wording is kept and can be seen by both of you. When you delete one, neither of you can read it any more; you can bring it
            back for a while, then it is removed for good. Urgent messages, and who took them, are recorded with their times.
          </p>
        </section>
        <section class="card stack">
          <h2>What your therapist has set</h2>
          <ul class="access">
            <li>
              <Icon name={closed === null ? "check" : "lock"} /> <span>{closed ?? "You can write in this chat."}</span>
            </li>
            <li>
              <Icon name={room.patient_can_see_history ? "check" : "lock"} />
              <span>{room.patient_can_see_history ? "You can see all that was said." : "What was said before your therapist changed this is hidden from you."}</span>
            </li>
            {detail.relationship_active && detail.status !== "blocked" && (
              <li>
                <Icon name="alert" /> <span>An urgent message gets through also while writing is switched off.</span>
              </li>
            )}
          </ul>
        </section>
        <section class="card">
          <Region />
        </section>
      </div>
    </div>
  );
}
