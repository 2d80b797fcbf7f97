import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { offline } from "../state/offline";

const WORDS = {
  offline: "You are offline. What you write is kept here and sent when you are back.",
  away: "No connection to the server. Trying again; what you write is kept and sent then.",
} as const;

export function OfflineStrip(): JSX.Element {
  const how = offline.value;
  return (
    <div role="status">
      {how !== null && (
        <div class="strip">
          <Icon name="alert" size={16} /> {WORDS[how]}
        </div>
      )}
    </div>
  );
}
