import type { Chat } from "@therapyconnect/client";
import type { JSX } from "preact";
import { APPOINTMENT_TEXT } from "../cards/payloads";
import { Field, FormDialog } from "./Form";
import { TimesFields, timesOf } from "./TimesForm";

const LENGTH_MS = 50 * 60_000;

/** Propose an appointment: the next full hour of tomorrow, unless said otherwise. */
export function AppointmentForm({ chat, onClose }: { chat: Chat; onClose: () => void }): JSX.Element {
  const start = new Date(Date.now() + 24 * 3_600_000);
  start.setHours(start.getHours() + 1, 0, 0, 0);
  const send = (given: (name: string) => string): string | null => {
    const times = timesOf(given);
    if (Date.parse(times.start) < Date.now()) return "That time has passed.";
    const payload = {
      ...times,
      location: given("location") || null,
      video_url: given("video") || null,
    };
    chat.send({ text: given("text") || APPOINTMENT_TEXT, message_type: "appointment", payload });
    return null;
  };
  return (
    <FormDialog title="Propose an appointment" submit="Propose" onClose={onClose} onGiven={send}>
      <TimesFields start={start.toISOString()} end={new Date(start.getTime() + LENGTH_MS).toISOString()} />
      <Field name="location" label="Place (optional)" maxLength={500} />
      <Field name="video" label="Video address (optional)" type="url" pattern="https://.*" title="An address that begins with https://" maxLength={1000} />
      <Field name="text" label="Message (optional)" maxLength={2000} />
    </FormDialog>
  );
}
