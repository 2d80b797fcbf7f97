import type { LogIn } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useDeed } from "../design/deed";
import { Icon } from "../design/icons";
import { Problem } from "../design/Notice";
import { client } from "../state/client";
import { plain } from "../words/errors";
import { askPasskey, passkeysHere } from "./passkey";

export function Password({ onStep }: { onStep: (step: LogIn) => Promise<void> }): JSX.Element {
  const { busy, problem, run } = useDeed();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const email = String(given.get("email")).trim();
    void run(async () => onStep(await client.logIn({ email, password: String(given.get("password")) })));
  };

  return (
    <form onSubmit={submit}>
      <h1>Sign in</h1>
      <Problem text={problem} />
      <div class="field">
        <label for="email">E-mail</label>
        <input id="email" name="email" type="email" autocomplete="username webauthn" required autofocus />
      </div>
      <div class="field">
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required />
      </div>
      <button class="primary" disabled={busy} aria-busy={busy}>
        {busy ? "Signing in…" : "Sign in"}
      </button>
      {passkeysHere && (
        <>
          <span class="or">or</span>
          <button
            type="button"
            disabled={busy}
            onClick={() => void run(async () => onStep(await client.session.logInWithPasskey(askPasskey)), notRecognised)}
          >
            <Icon name="key" /> Use a passkey
          </button>
        </>
      )}
    </form>
  );
}

/** The browser says no more of it than that: a passkey refused and one that isn't there look alike. */
export function notRecognised(error: unknown): string {
  return error instanceof DOMException ? "No passkey was used. Try again, or sign in with your password." : plain(error);
}
