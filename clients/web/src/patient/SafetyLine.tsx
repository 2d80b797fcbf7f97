import type { JSX } from "preact";

/** Always in sight: this chat is not for emergencies, and whom to call instead. */
export function SafetyLine(): JSX.Element {
  return <p class="strip">Not for emergencies. If you are in danger, call your local emergency number.</p>;
}
