import type { Outgoing } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Icon } from "../design/icons";
import { plain } from "../words/errors";
import { stepOf, STEPS } from "./status";
import { Ticks } from "./Ticks";

/** A message on its way out: there at once, as a clock; a refused one can be sent again or thrown away. */
export function OutgoingItem({ outgoing }: { outgoing: Outgoing }): JSX.Element {
  const step = stepOf(outgoing);
  const { text, emergency } = outgoing.body;
  return (
    <li class={`message mine outgoing ${step}${emergency === true ? " urgent" : ""}`} tabIndex={-1} aria-label={`You, ${STEPS[step]}: ${text}`}>
      <div class="bubble">
        {emergency === true && (
          <p class="urgent-mark">
            <Icon name="alert" size={16} />
            <strong>Urgent.</strong>
          </p>
        )}
        <p class="text" dir="auto">
          {text}
        </p>
        <span class="meta">
          <Ticks step={step} word={step !== "sending"} />
        </span>
        {step === "failed" && (
          <div class="failed">
            <p>{plain(outgoing.error)}</p>
            <div class="row">
              <button type="button" class="small" onClick={() => outgoing.retry()}>
                Retry
              </button>
              <button type="button" class="small danger" onClick={() => outgoing.discard()}>
                Delete
              </button>
            </div>
          </div>
        )}
      </div>
    </li>
  );
}
