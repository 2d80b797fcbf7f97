import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { to } from "../router";
import { alerts } from "../state/alerts";

/** In the top bar: how many emergencies are not over. */
export function AlertsButton(): JSX.Element {
  const open = alerts.value.length;
  return (
    <a class="button-plain" href={to.alerts} aria-label={open > 0 ? `Emergencies, ${open} open` : "Emergencies"}>
      <Icon name="alert" />
      {open > 0 && <span class="badge danger">{open}</span>}
    </a>
  );
}
