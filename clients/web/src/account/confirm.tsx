// Changes of one's sign-in ask for the password first: once for all that is done in the next minutes.
import { signal } from "@preact/signals";
import { TherapyConnectError } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useDeed } from "../design/deed";
import { Dialog } from "../design/Dialog";
import { Problem } from "../design/Notice";
import { client, onForget } from "../state/client";

type Settle = (confirmed: boolean) => void;
const asking = signal<Settle | null>(null);
onForget(() => (asking.value = null));

/** Do it; where the server asks who is there, ask for the password and do it again. Null where that was given up. */
export async function confirmed<Result>(deed: () => Promise<Result>): Promise<Result | null> {
  try {
    return await deed();
  } catch (error) {
    if (!(error instanceof TherapyConnectError && error.code === "reauthentication_required")) throw error;
  }
  const again = await new Promise<boolean>((settle) => (asking.value = settle));
  return again ? deed() : null;
}

/** Rendered once, by the account page. */
export function ConfirmHost(): JSX.Element | null {
  const { value: settle } = asking;
  return settle === null ? null : <Confirm settle={settle} />;
}

function Confirm({ settle }: { settle: (how: boolean) => void }): JSX.Element {
  const { busy, problem, run } = useDeed();
  const end = (how: boolean): void => {
    asking.value = null;
    settle(how);
  };
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    if (await run(() => client.account.confirm(String(given.get("password"))))) end(true);
  };
  return (
    <Dialog title="Is it you?" onClose={() => end(false)}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <p>Say your password again before your sign-in is changed.</p>
        <Problem text={problem} />
        <div class="field">
          <label for="confirm">Password</label>
          <input id="confirm" name="password" type="password" autocomplete="current-password" required autofocus />
        </div>
        <footer>
          <button type="button" onClick={() => end(false)}>
            Cancel
          </button>
          <button class="primary" disabled={busy} aria-busy={busy}>
            Continue
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
