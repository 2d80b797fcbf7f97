import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { place, to } from "../router";
import { alerts } from "../state/alerts";

/** In the top bar: how many emergencies are not over. */
export function AlertsButton(): JSX.Element {
  const open = alerts.value.length;
  return (
    <a class={`button-plain${open > 0 ? " alarmed" : ""}`} href={to.alerts} aria-current={place.value.name === "alerts" ? "page" : undefined}>
      <Icon name="alert" />
      <span class="sr-only">Emergencies</span>
      {open > 0 && (
        <span class="badge danger">
          {open} <span class="sr-only">open</span>
        </span>
      )}
    </a>
  );
}
