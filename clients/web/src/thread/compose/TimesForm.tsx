import type { JSX } from "preact";
import { fieldsOf } from "../../words/times";
import { Field, FormDialog } from "./Form";

export interface Times {
  readonly start: string;
  readonly end: string;
  readonly time_zone: string;
}

/** Day, time and length, in the browser's zone. */
export function TimesFields({ start, end }: { start: string; end: string }): JSX.Element {
  const { date, time } = fieldsOf(new Date(start));
  const minutes = Math.round((Date.parse(end) - Date.parse(start)) / 60_000);
  return (
    <div class="row fields">
      <Field name="date" label="Day" type="date" required defaultValue={date} />
      <Field name="time" label="Time" type="time" required defaultValue={time} />
      <Field name="minutes" label="Minutes" type="number" min={5} max={600} step={5} required defaultValue={String(minutes)} />
    </div>
  );
}

export function timesOf(given: (name: string) => string): Times {
  const start = new Date(`${given("date")}T${given("time")}`);
  const end = new Date(start.getTime() + Number(given("minutes")) * 60_000);
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return { start: start.toISOString(), end: end.toISOString(), time_zone: timeZone };
}

interface Props {
  readonly title: string;
  readonly start: string;
  readonly end: string;
  readonly onClose: () => void;
  readonly onGiven: (times: Times) => Promise<void>;
}

export function TimesForm({ title, start, end, onClose, onGiven }: Props): JSX.Element {
  return (
    <FormDialog
      title={title}
      submit="Propose"
      onClose={onClose}
      onGiven={async (given) => {
        await onGiven(timesOf(given));
        return null;
      }}
    >
      <TimesFields start={start} end={end} />
    </FormDialog>
  );
}
