import type { Alert, Message } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Avatar } from "../design/Avatar";
import { Confirm } from "../design/Confirm";
import { useDeed } from "../design/deed";
import { Icon } from "../design/icons";
import { Problem } from "../design/Notice";
import { to } from "../router";
import { chatOf, live } from "../state/chats";
import { client } from "../state/client";
import { now } from "../state/clock";
import { openAt } from "../state/jump";
import { fullTimeOf, since } from "../words/times";
import { nameIn, stateOf, untaken, whenOf } from "./words";

/** One emergency: whose, since when, what was said, what has become of it, and what one can do. */
export function AlertCard({ alert }: { alert: Alert }): JSX.Element {
  const { busy, problem, run } = useDeed();
  const [ending, setEnding] = useState(false);
  const name = nameIn(alert);
  const waits = untaken(alert);
  return (
    <li class={`card alert-card${waits ? " waits" : ""}`}>
      <header>
        <Avatar id={chatOf(alert.chat_id)?.detail.patient_id ?? alert.chat_id} name={name} />
        <div class="grow">
          <h3>{name}</h3>
          <small>
            <time dateTime={alert.raised_at} title={fullTimeOf(alert.raised_at)}>
              {whenOf(alert.raised_at, now.value)}
            </time>
            {waits && `, waits ${since(alert.raised_at, now.value)}`}
          </small>
        </div>
      </header>
      <Said alert={alert} />
      <p class="state">
        {waits && <Icon name="alert" size={18} />} {stateOf(alert, now.value)}
      </p>
      <Problem text={problem} />
      <footer>
        {waits && (
          <button type="button" class="danger filled" disabled={busy} onClick={() => void run(() => client.alerts.acknowledge(alert.id))}>
            I take it
          </button>
        )}
        {alert.state !== "resolved" && (
          <button type="button" disabled={busy} onClick={() => setEnding(true)}>
            It is over…
          </button>
        )}
        {chatOf(alert.chat_id) !== undefined && (
          <a
            class="button"
            href={to.chat(alert.chat_id)}
            onClick={(event) => {
              event.preventDefault();
              openAt(alert.chat_id, alert.message_id);
            }}
          >
            Open the chat
          </a>
        )}
      </footer>
      {waits && <small>Once you take it, {name} is told that you have seen it.</small>}
      {ending && (
        <Confirm title="Is it over?" action="It is over" run={() => client.alerts.resolve(alert.id)} onClose={() => setEnding(false)}>
          <p>
            Say so once you have spoken with {name}, or know that they are cared for. It can't be taken back; {name} sees that it is closed, and
            another urgent message raises a new emergency.
          </p>
        </Confirm>
      )}
    </li>
  );
}

/** The message that raised it, as it stands now; where it may not be shown, that is said. */
function Said({ alert }: { alert: Alert }): JSX.Element {
  const [fetched, setFetched] = useState<Message | "gone" | null>(null);
  const chat = chatOf(alert.chat_id);
  const held = chat === undefined ? undefined : live(chat).messages.value.find(({ id }) => id === alert.message_id);
  useEffect(() => {
    client.api.get("/api/messages/{id}/", { path: { id: alert.message_id } }).then(setFetched, () => setFetched("gone"));
  }, [alert.message_id]);
  const message = held ?? fetched;
  if (message === null) return <p class="quiet">Loading the message…</p>;
  if (message === "gone") return <p class="quiet">What was said can't be shown here.</p>;
  if (message.deleted) return <p class="quiet">The message was deleted.</p>;
  return <blockquote>{message.text}</blockquote>;
}
