import type { Alert, Page } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useDeed } from "../design/deed";
import { Icon } from "../design/icons";
import { Problem } from "../design/Notice";
import { to } from "../router";
import { alerts } from "../state/alerts";
import { client } from "../state/client";
import { AlertCard } from "./AlertCard";
import { untaken } from "./words";

/** Emergencies: those that wait for a person first, then those that are taken, then what is over. */
export function AlertsPage(): JSX.Element {
  const open = [...alerts.value.filter(untaken), ...alerts.value.filter((alert) => !untaken(alert))];
  return (
    <div class="page alerts">
      <div class="inner stack">
        <header class="row">
          <a class="button-plain narrow-only" href={to.home} aria-label="Back to the list">
            <Icon name="back" />
          </a>
          <h1>Emergencies</h1>
        </header>
        <h2>{open.length === 0 ? "None open" : `${open.length} open`}</h2>
        {open.length === 0 && <p class="quiet">Nobody in your care has an open emergency. A new one is shown here, and at the top of every page.</p>}
        <ul class="stack">
          {open.map((alert) => (
            <AlertCard key={alert.id} alert={alert} />
          ))}
        </ul>
        <Earlier />
      </div>
    </div>
  );
}

/** Those that are over, the latest first. */
function Earlier(): JSX.Element {
  const [page, setPage] = useState<Page<Alert> | null>(null);
  const [over, setOver] = useState<readonly Alert[]>([]);
  const { busy, problem, run } = useDeed();
  const add = (more: readonly Alert[]): void => {
    setOver((held) => {
      const known = new Set(held.map(({ id }) => id));
      return [...held, ...more.filter(({ id }) => !known.has(id))].sort((one, other) => (one.raised_at < other.raised_at ? 1 : -1));
    });
  };
  const load = (ask: () => Promise<Page<Alert> | null>): Promise<boolean> =>
    run(async () => {
      const found = await ask();
      setPage(found);
      add(found?.results ?? []);
    });
  useEffect(() => {
    void load(() => client.api.get("/api/emergencies/", { query: { state: "resolved" } }));
    return client.on("alert", (alert) => {
      if (alert.state === "resolved") add([alert]);
    });
  }, []);
  return (
    <>
      {over.length > 0 && <h2>Earlier</h2>}
      <Problem text={problem} />
      <ul class="stack">
        {over.map((alert) => (
          <AlertCard key={alert.id} alert={alert} />
        ))}
      </ul>
      {page !== null && page.next !== null && (
        <button type="button" disabled={busy} onClick={() => void load(() => client.api.next(page))}>
          Show earlier ones
        </button>
      )}
    </>
  );
}
