// Working hours, as one writes them: `09:00-12:00, 13:00-17:00`.
import type { SettingsChange } from "../state/settings";

type Hours = NonNullable<NonNullable<SettingsChange>["working_hours"]>;
export type Day = keyof Hours & string;

export const WEEK: readonly (readonly [Day, string])[] = [
  ["mon", "Monday"],
  ["tue", "Tuesday"],
  ["wed", "Wednesday"],
  ["thu", "Thursday"],
  ["fri", "Friday"],
  ["sat", "Saturday"],
  ["sun", "Sunday"],
];

const SPAN = "\\s*[0-2]\\d:[0-5]\\d\\s*[\\-–]\\s*[0-2]\\d:[0-5]\\d\\s*";
/** What a day's field takes. */
export const SPANS = `(${SPAN}(,${SPAN})*)?`;

export function hoursText(spans: readonly (readonly unknown[])[] | undefined): string {
  return (spans ?? []).map(([start, end]) => `${String(start)}-${String(end)}`).join(", ");
}

/** Null where no day is worked: then nothing is known of them. */
export function hoursFrom(given: (day: Day) => string): Hours | null {
  const hours: Hours = {};
  for (const [day] of WEEK) {
    const times = given(day).match(/\d\d:\d\d/g) ?? [];
    const spans: [string, string][] = [];
    for (let at = 0; at + 1 < times.length; at += 2) spans.push([times[at] ?? "", times[at + 1] ?? ""]);
    if (spans.length > 0) hours[day] = spans;
  }
  return Object.keys(hours).length > 0 ? hours : null;
}
