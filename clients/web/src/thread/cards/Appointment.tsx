import type { AppointmentAnswer, Chat, Message } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "../../design/icons";
import { client } from "../../state/client";
import { period } from "../../words/times";
import { save } from "../blob";
import { TimesForm } from "../compose/TimesForm";
import { attempt } from "../deeds";
import { Text } from "../Text";
import { APPOINTMENT_TEXT, appointmentOf, type Appointment } from "./payloads";

const STATES: Readonly<Record<Appointment["status"], string>> = {
  proposed: "Proposed",
  accepted: "Agreed",
  declined: "Declined",
  cancelled: "Cancelled",
  rescheduled: "Other time proposed",
};

interface Props {
  readonly chat: Chat;
  readonly message: Message;
  readonly open: boolean;
}

/** An appointment as it stands, with what the reader may answer. */
export function AppointmentCard({ chat, message, open }: Props): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [proposing, setProposing] = useState(false);
  const appointment = appointmentOf(message);
  if (appointment === null) return <Text text={message.text ?? ""} />;
  const { status, start, end, location, video_url, note } = appointment;
  const asked = appointment.proposed_by !== client.userId;
  const waits = status === "proposed" || status === "rescheduled";
  const over = status === "cancelled";
  const answer = async (given: AppointmentAnswer): Promise<void> => {
    setBusy(true);
    await attempt(chat.answer(message.id, given));
    setBusy(false);
  };
  const toCalendar = (): Promise<boolean> =>
    attempt(chat.calendar(message.id).then((text) => save(new Blob([text], { type: "text/calendar" }), "appointment.ics")));
  return (
    <div class={`slip ${status}`}>
      <div class="slip-head">
        <Icon name="calendar" /> <strong>Appointment</strong>
        <span class="tag">{STATES[status]}</span>
      </div>
      <p class="when">{period(start, end)}</p>
      {location !== null && <p>{location}</p>}
      {video_url !== null && (
        <p>
          <a href={video_url} target="_blank" rel="noopener noreferrer">
            Join by video
          </a>
        </p>
      )}
      {note !== null && <Text text={note} />}
      {message.text !== APPOINTMENT_TEXT && <Text text={message.text ?? ""} />}
      {waits && !asked && <p class="quiet">Waits for an answer.</p>}
      <div class="row">
        {open && asked && !over && status !== "accepted" && (
          <button type="button" class="small primary" disabled={busy} onClick={() => void answer({ answer: "accept" })}>
            Accept
          </button>
        )}
        {open && asked && waits && (
          <button type="button" class="small" disabled={busy} onClick={() => void answer({ answer: "decline" })}>
            Decline
          </button>
        )}
        {open && asked && !over && (
          <button type="button" class="small" disabled={busy} onClick={() => setProposing(true)}>
            Another time
          </button>
        )}
        {open && !over && (
          <button type="button" class="small" disabled={busy} onClick={() => void answer({ answer: "cancel" })}>
            Cancel it
          </button>
        )}
        {!over && (
          <button type="button" class="small plain" onClick={() => void toCalendar()}>
            Add to calendar
          </button>
        )}
      </div>
      {proposing && (
        <TimesForm
          title="Propose another time"
          start={start}
          end={end}
          onClose={() => setProposing(false)}
          onGiven={async (times) => void (await chat.answer(message.id, { answer: "reschedule", ...times }))}
        />
      )}
    </div>
  );
}
