import type { Alert } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../design/icons";
import { place, to } from "../router";
import { alerts } from "../state/alerts";
import { now } from "../state/clock";
import { since } from "../words/times";
import { nameIn, untaken } from "./words";

/** Wherever one is: an emergency that nobody has taken is in sight until somebody does, and is heard at once. */
export function AlertStrip(): JSX.Element {
  const waiting = alerts.value.filter(untaken);
  const [oldest] = waiting;
  return (
    <aside aria-label="Urgent">
      {oldest !== undefined && place.value.name !== "alerts" && (
        <div class="alert-strip">
          <Icon name="alert" />
          <p class="grow">
            <strong>{waiting.length === 1 ? `Urgent message from ${nameIn(oldest)}` : `${waiting.length} urgent messages`}</strong>{" "}
            <span>{oldest.state === "exhausted" ? "Nobody has acknowledged in time." : `Nobody has taken ${waiting.length === 1 ? "it" : "them"} yet.`}</span>{" "}
            <time dateTime={oldest.raised_at}>{since(oldest.raised_at, now.value)}</time>
          </p>
          <a class="button" href={to.alerts}>
            See it
          </a>
        </div>
      )}
      <Heard waiting={waiting} />
    </aside>
  );
}

/** Said once for each that is new, and once more where nobody took it in time. */
function Heard({ waiting }: { waiting: readonly Alert[] }): JSX.Element {
  const [told, setTold] = useState<ReadonlySet<string>>(new Set());
  const [words, setWords] = useState("");
  const news = waiting.filter((alert) => !told.has(keyOf(alert)));
  const key = news.map(keyOf).join();
  useEffect(() => {
    if (news.length === 0) return;
    setTold(new Set([...told, ...news.map(keyOf)]));
    setWords(news.map(heardOf).join(" "));
  }, [key]);
  return (
    <div role="alert" class="sr-only">
      {words}
    </div>
  );
}

const keyOf = ({ id, state }: Alert): string => `${id} ${state === "exhausted"}`;

const heardOf = (alert: Alert): string =>
  alert.state === "exhausted" ? `Nobody has acknowledged the urgent message of ${nameIn(alert)} in time.` : `Urgent message from ${nameIn(alert)}.`;
