import type { JSX } from "preact";
import { Dialog } from "../design/Dialog";
import { Icon } from "../design/icons";
import { toast } from "../state/toasts";

/** Shown when they are made: to be kept where the phone is not. */
export function RecoveryCodes({ codes, onClose }: { codes: readonly string[]; onClose: () => void }): JSX.Element {
  const text = codes.join("\n");
  const copy = (): void => void navigator.clipboard.writeText(text).then(() => toast("Copied."), () => toast("Your browser did not allow copying."));
  const save = (): void => {
    const address = URL.createObjectURL(new Blob([`TherapyConnect recovery codes\n\n${text}\n`], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = "therapyconnect-recovery-codes.txt";
    link.click();
    URL.revokeObjectURL(address);
  };
  return (
    <Dialog title="Your recovery codes" onClose={onClose}>
      <div class="stack">
        <p>Each of these opens your account once, if your phone is lost. Keep them somewhere safe, and not on this phone.</p>
        <ol class="codes" aria-label="Recovery codes">
          {codes.map((code) => (
            <li key={code}>
              <code>{code}</code>
            </li>
          ))}
        </ol>
        <footer>
          <button type="button" onClick={copy}>
            <Icon name="copy" size={18} /> Copy
          </button>
          <button type="button" onClick={save}>
            <Icon name="download" size={18} /> Save as a file
          </button>
          <button type="button" class="primary" onClick={onClose}>
            I have kept them
          </button>
        </footer>
      </div>
    </Dialog>
  );
}
