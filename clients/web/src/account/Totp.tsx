import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Dialog } from "../design/Dialog";
import { Problem } from "../design/Notice";
import { client } from "../state/client";
import { qrPath } from "./qr";
import { useDeed } from "./useDeed";

interface Props {
  readonly secret: string;
  readonly url: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Scan, or type the letters; then the app's first code makes it count. */
export function Totp({ secret, url, onClose, onDone }: Props): JSX.Element {
  const { busy, problem, attempt } = useDeed();
  const { path, size } = useMemo(() => qrPath(url), [url]);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const code = String(new FormData(event.currentTarget as HTMLFormElement).get("code")).replace(/\s/g, "");
    if (await attempt(() => client.account.activateTotp(code))) onDone();
  };
  return (
    <Dialog title="Set up an authenticator app" onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <p>Scan this with your authenticator app. On the phone itself, open it with the link, or type the letters.</p>
        <svg class="qr" viewBox={`-4 -4 ${size + 8} ${size + 8}`} role="img" aria-label="QR code of the letters below" shape-rendering="crispEdges">
          <path d={path} />
        </svg>
        <p class="secret">
          <code>{secret.replace(/(.{4})(?=.)/g, "$1 ")}</code>
          <a href={url}>Open in an app</a>
        </p>
        <Problem text={problem} />
        <div class="field">
          <label for="totp">The app's code now</label>
          <input id="totp" name="code" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]{6,7}" title="Six digits" required />
        </div>
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button class="primary" disabled={busy} aria-busy={busy}>
            Turn it on
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
