import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../../design/Dialog";
import { Problem } from "../../design/Notice";
import { plain } from "../../words/errors";

interface Props {
  readonly title: string;
  readonly submit: string;
  readonly onClose: () => void;
  /** Returns (or throws) what is wrong with it, or null once it is done. */
  readonly onGiven: (given: (name: string) => string) => string | null | Promise<string | null>;
  readonly children: ComponentChildren;
}

/** A small form in a dialog. */
export function FormDialog({ title, submit, onClose, onGiven, children }: Props): JSX.Element {
  const [problem, setProblem] = useState<string | null>(null);
  const onSubmit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    try {
      const wrong = await onGiven((name) => String(data.get(name) ?? "").trim());
      if (wrong === null) onClose();
      else setProblem(wrong);
    } catch (error) {
      setProblem(plain(error)); // what was filled in stays
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void onSubmit(event)}>
        <Problem text={problem} />
        {children}
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button class="primary">{submit}</button>
        </footer>
      </form>
    </Dialog>
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly type?: "text" | "url" | "date" | "time" | "number";
  readonly defaultValue?: string;
  readonly required?: boolean;
  readonly maxLength?: number;
  readonly placeholder?: string;
  readonly pattern?: string;
  readonly title?: string;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
}

export function Field({ name, label, type = "text", ...rest }: FieldProps): JSX.Element {
  const id = `field-${name}`;
  return (
    <div class="field grow">
      <label for={id}>{label}</label>
      <input id={id} name={name} type={type as "text"} {...rest} />
    </div>
  );
}
