import type { Alert, Chat, Message, Outgoing } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useDeed } from "../design/deed";
import { Dialog } from "../design/Dialog";
import { Problem } from "../design/Notice";
import { alerts } from "../state/alerts";
import { live } from "../state/chats";
import { client } from "../state/client";
import { loadCrisis } from "../state/crisis";
import { draftOf, keepDraft } from "../state/drafts";
import { plain } from "../words/errors";
import { asked } from "./asked";
import { Crisis } from "./Crisis";
import { Progress } from "./Progress";

/** Rendered once, by the patient's layout. */
export function UrgentHost(): JSX.Element | null {
  const { value: now } = asked;
  return now === null ? null : <UrgentDialog key={now.message?.id ?? now.chat.id} {...now} />;
}

interface Sent {
  readonly outgoing: Outgoing | null;
  readonly messageId: string | null;
  readonly alert: Alert | null;
}

/** Whom to call first; then what an urgent message does, and the second step that sends it. */
function UrgentDialog({ chat, message }: { chat: Chat; message: Message | null }): JSX.Element {
  const { value: detail } = live(chat).detail;
  const user = client.userId ?? "";
  const draft = `${chat.id}!`;
  const [text, setText] = useState(message === null ? draftOf(user, draft) : (message.text ?? ""));
  const [sent, setSent] = useState<Sent | null>(null);
  const { busy, problem, run } = useDeed();
  const open = sent === null ? alerts.value.find((one) => one.chat_id === chat.id) : undefined;
  const who = detail.other_participant.full_name;
  const close = (): void => {
    asked.value = null;
  };
  useEffect(() => void loadCrisis(), []);

  const flag = async (flagged: Message): Promise<void> => {
    const answer = await chat.flag(flagged.id);
    setSent({ outgoing: null, messageId: flagged.id, alert: answer.emergency_alert ?? null });
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (message !== null) return void run(() => flag(message), (error) => `It was not marked as urgent. ${plain(error)}`);
    const outgoing = chat.send({ text, emergency: true });
    keepDraft(user, draft, "");
    setSent({ outgoing, messageId: null, alert: null });
  };
  const shut = !detail.relationship_active || detail.status === "blocked" || detail.status === "deleted";

  return (
    <Dialog title={sent === null ? "Do you need help now?" : "Your urgent message"} onClose={close} class="urgent">
      <div class="stack">
        {open !== undefined && <Progress chat={chat} messageId={open.message_id} alert={open} outgoing={null} />}
        {sent !== null && <Progress chat={chat} {...sent} />}
        <Crisis />
        {sent === null && !shut && (
          <form class="stack" onSubmit={submit}>
            <Problem text={problem} />
            <p>
              You can also send {who} an urgent message. It alerts them and is shown first. <strong>It is not watched round the clock</strong>, and
              it calls no ambulance. You will see here what has become of it.
            </p>
            {message === null ? (
              <div class="field">
                <label for="urgent-text">What is happening?</label>
                <textarea
                  id="urgent-text"
                  rows={3}
                  dir="auto"
                  required
                  maxLength={10_000}
                  value={text}
                  onInput={(event) => {
                    setText(event.currentTarget.value);
                    keepDraft(user, draft, event.currentTarget.value);
                  }}
                />
              </div>
            ) : (
              <blockquote>{text}</blockquote>
            )}
            <footer>
              <button type="button" onClick={close}>
                Not now
              </button>
              <button class="danger filled" disabled={busy || text.trim() === ""} aria-busy={busy}>
                {message === null ? "Send as urgent" : "Mark as urgent"}
              </button>
            </footer>
          </form>
        )}
        {sent === null && shut && <p>An urgent message can't be sent in this chat any more. Please call one of these.</p>}
        {sent !== null && (
          <footer>
            <button type="button" onClick={close}>
              Back to the chat
            </button>
          </footer>
        )}
      </div>
    </Dialog>
  );
}
