import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../design/Dialog";
import { crisis } from "../state/crisis";
import { Call, Crisis } from "../urgent/Crisis";
import { Region } from "./Region";

/** Always in sight: this chat is not for emergencies, and whom to call instead. */
export function SafetyLine(): JSX.Element {
  const [more, setMore] = useState(false);
  const first = crisis.value.find(({ phone }) => phone !== null);
  return (
    <aside class="safety" aria-label="In an emergency">
      <p>
        Not for emergencies. In danger, call{" "}
        {first?.phone ? <Call phone={first.phone} /> : "your local emergency number."}
      </p>
      <button type="button" class="link" aria-haspopup="dialog" onClick={() => setMore(true)}>
        More help
      </button>
      {more && (
        <Dialog title="Whom you can call" onClose={() => setMore(false)} class="urgent">
          <div class="stack">
            <Crisis />
            <Region />
          </div>
        </Dialog>
      )}
    </aside>
  );
}
