// Times as people say them, in the browser's language and zone.

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long" });
const dateWithYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const shortDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

const DAY = 86_400_000;

export const timeOf = (at: string): string => clock.format(new Date(at));
export const fullTimeOf = (at: string): string => full.format(new Date(at));

/** One number a day, in the browser's zone. */
export function dayOf(at: string | number): number {
  const then = new Date(at);
  return Math.round(Date.UTC(then.getFullYear(), then.getMonth(), then.getDate()) / DAY);
}

/** `Today`, `Yesterday`, `Monday`, `3 March`, `3 March 2024`. */
export function dayName(at: string, now: number): string {
  const then = new Date(at);
  const ago = dayOf(now) - dayOf(at);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  if (ago > 1 && ago < 7) return weekday.format(then);
  return then.getFullYear() === new Date(now).getFullYear() ? date.format(then) : dateWithYear.format(then);
}

/** In a list: the time today, else the day. */
export function briefly(at: string, now: number): string {
  const ago = dayOf(now) - dayOf(at);
  if (ago === 0) return timeOf(at);
  if (ago === 1) return "Yesterday";
  return ago > 1 && ago < 7 ? weekday.format(new Date(at)) : shortDate.format(new Date(at));
}

/** `just now`, `12 min`, `3 h`, `2 days`. */
export function since(at: string, now: number): string {
  const minutes = Math.floor((now - Date.parse(at)) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`;
  return `${Math.floor(minutes / 60 / 24)} days`;
}

const spoken = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", hour: "numeric", minute: "2-digit" });

/** `Monday, 2 March, 10:00 – 10:50`. */
export const period = (start: string, end: string): string => spoken.formatRange(new Date(start), new Date(end));

/** A date without a time, as it was written: no zone moves it. */
export function plainDate(iso: string): string {
  const [year = 0, month = 1, day = 1] = iso.split("-").map(Number);
  return dateWithYear.format(new Date(year, month - 1, day));
}

/** What `<input type="date">` and `<input type="time">` hold. */
export function fieldsOf(at: Date): { date: string; time: string } {
  const two = (number: number): string => String(number).padStart(2, "0");
  return {
    date: `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}`,
  };
}
