import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { useDeed } from "../design/deed";
import { Problem } from "../design/Notice";

interface SwitchProps {
  readonly label: string;
  /** What it means, in plain words. */
  readonly children: ComponentChildren;
  readonly on: boolean;
  /** Asks the server; the switch stands as the server has it. */
  readonly change: (on: boolean) => Promise<unknown>;
}

/** Something that is on or off: it moves once the server agreed, and a refusal is said beneath it. */
export function Switch({ label, children, on, change }: SwitchProps): JSX.Element {
  const { busy, problem, run } = useDeed();
  const id = useId();
  return (
    <div class="setting">
      <label class="check">
        <input
          type="checkbox"
          role="switch"
          checked={on}
          disabled={busy}
          aria-labelledby={`${id}-name`}
          aria-describedby={id}
          onChange={(event) => {
            const input = event.currentTarget;
            const wanted = input.checked;
            input.checked = on;
            void run(() => change(wanted)).then(() => input.focus());
          }}
        />
        <span>
          <b id={`${id}-name`}>{label}</b>
          <small id={id}>{children}</small>
        </span>
      </label>
      <Problem text={problem} />
    </div>
  );
}

interface DeedProps {
  readonly title: string;
  readonly action: string;
  readonly danger?: boolean;
  readonly children: ComponentChildren;
  readonly run: () => Promise<unknown>;
}

/** Something to do, with what it means; a refusal is said beneath it. */
export function Deed({ title, action, danger = false, children, run: deed }: DeedProps): JSX.Element {
  const { busy, problem, run } = useDeed();
  return (
    <div class="setting">
      <div class="deed">
        <div class="grow">
          <h3>{title}</h3>
          <small>{children}</small>
        </div>
        <button type="button" class={danger ? "danger" : ""} disabled={busy} onClick={() => void run(deed)}>
          {action}
        </button>
      </div>
      <Problem text={problem} />
    </div>
  );
}
