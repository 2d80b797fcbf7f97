import type { JSX } from "preact";
import { announced } from "../state/announcer";

export function Announcer(): JSX.Element {
  return (
    <div class="sr-only" role="status" aria-live="polite" data-announcer>
      {announced.value}
    </div>
  );
}
