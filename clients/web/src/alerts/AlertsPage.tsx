import type { JSX } from "preact";
import { to } from "../router";
import { alerts } from "../state/alerts";

/** Open emergencies, with what can be done about them. */
export function AlertsPage(): JSX.Element {
  return (
    <div class="page">
      <div class="inner stack">
        <h1>Emergencies</h1>
        <ul>
          {alerts.value.map((alert) => (
            <li key={alert.id}>
              <a href={to.chat(alert.chat_id)}>{alert.state}</a>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
