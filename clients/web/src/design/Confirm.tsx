import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { useDeed } from "./deed";
import { Dialog } from "./Dialog";
import { Problem } from "./Notice";

interface Props {
  readonly title: string;
  /** What the button says: the deed itself, never "OK". */
  readonly action: string;
  readonly danger?: boolean;
  /** What one ticks first, where it can't be taken back. */
  readonly understood?: string;
  /** It closes once this went well; a refusal is said in it. */
  readonly run: () => Promise<unknown>;
  readonly onClose: () => void;
  /** What it does, in plain words. */
  readonly children: ComponentChildren;
}

/** Asks once more, and says what happens. */
export function Confirm({ title, action, danger = false, understood, run, onClose, children }: Props): JSX.Element {
  const [sure, setSure] = useState(understood === undefined);
  const { busy, problem, run: attempt } = useDeed();
  const go = async (): Promise<void> => {
    if (await attempt(run)) onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="stack">
        {children}
        {understood !== undefined && (
          <label class="check">
            <input type="checkbox" checked={sure} onChange={(event) => setSure(event.currentTarget.checked)} />
            {understood}
          </label>
        )}
        <Problem text={problem} />
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="button" class={danger ? "danger filled" : "primary"} disabled={!sure || busy} onClick={() => void go()}>
            {action}
          </button>
        </footer>
      </div>
    </Dialog>
  );
}
