import type { Chat, Message } from "@therapyconnect/client";
import type { JSX } from "preact";
import { prescriptionOf, PRESCRIPTION_TEXT } from "../cards/payloads";
import { Field, FormDialog } from "./Form";

interface Props {
  readonly chat: Chat;
  /** The prescription that the new one corrects. */
  readonly corrects: Message | null;
  readonly onClose: () => void;
}

/** A therapist's record of what was prescribed; to correct one is to write a new one. */
export function PrescriptionForm({ chat, corrects, onClose }: Props): JSX.Element {
  const held = corrects === null ? null : prescriptionOf(corrects);
  const send = (given: (name: string) => string): string | null => {
    const text = (name: string): string | null => given(name) || null;
    const [start_date, end_date] = [text("start_date"), text("end_date")];
    if (start_date !== null && end_date !== null && end_date < start_date) return "It would end before it begins.";
    const payload = {
      drug: given("drug"),
      strength: text("strength"),
      form: text("form"),
      dose: given("dose"),
      frequency: given("frequency"),
      start_date,
      end_date,
      note: text("note"),
      replaces: corrects?.id ?? null,
    };
    chat.send({ text: given("text") || PRESCRIPTION_TEXT, message_type: "prescription", payload });
    return null;
  };
  return (
    <FormDialog title={corrects === null ? "Write a prescription" : "Correct a prescription"} submit="Send" onClose={onClose} onGiven={send}>
      <p class="quiet">A record for your patient, not an e-prescription. It can't be changed once sent, only corrected by a new one.</p>
      <div class="row fields">
        <Field name="drug" label="Drug" required maxLength={200} defaultValue={held?.drug ?? ""} />
        <Field name="strength" label="Strength" maxLength={100} placeholder="50 mg" defaultValue={held?.strength ?? ""} />
      </div>
      <div class="row fields">
        <Field name="dose" label="Dose" required maxLength={200} placeholder="1 tablet" defaultValue={held?.dose ?? ""} />
        <Field name="frequency" label="How often" required maxLength={200} placeholder="once a day, in the morning" defaultValue={held?.frequency ?? ""} />
      </div>
      <div class="row fields">
        <Field name="start_date" label="From" type="date" defaultValue={held?.start_date ?? ""} />
        <Field name="end_date" label="To" type="date" defaultValue={held?.end_date ?? ""} />
        <Field name="form" label="Form" maxLength={200} placeholder="tablet" defaultValue={held?.form ?? ""} />
      </div>
      <Field name="note" label="Note" maxLength={2000} defaultValue={held?.note ?? ""} />
      <Field name="text" label="Message (optional)" maxLength={2000} />
    </FormDialog>
  );
}
