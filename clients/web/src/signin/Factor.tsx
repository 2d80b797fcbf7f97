import type { LogIn, SecondFactor } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useDeed } from "../design/deed";
import { Icon } from "../design/icons";
import { Problem } from "../design/Notice";
import { askPasskey, passkeysHere } from "./passkey";
import { notRecognised } from "./Password";

/** `autofocus` counts once a page, and the first step had it. */
const focus = (field: HTMLInputElement | null): void => field?.focus();

interface Props {
  readonly factor: SecondFactor;
  readonly onStep: (step: LogIn) => Promise<void>;
  readonly onBack: () => void;
}

/** The second step: six digits, a recovery code, or a passkey. */
export function Factor({ factor, onStep, onBack }: Props): JSX.Element {
  const hasApp = factor.types.includes("totp");
  const hasRecovery = factor.types.includes("recovery_codes");
  const [recovery, setRecovery] = useState(!hasApp && hasRecovery);
  const { busy, problem, run } = useDeed();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const code = String(new FormData(event.currentTarget as HTMLFormElement).get("code")).replace(/\s/g, "");
    void run(async () => onStep(await factor.withCode(code)));
  };

  return (
    <form onSubmit={submit}>
      <h1>Is it you?</h1>
      <Problem text={problem} />
      {(hasApp || hasRecovery) && (
        <>
          <div class="field" key={recovery ? "recovery" : "app"}>
            <label for="code">{recovery ? "Recovery code" : "Code from your authenticator app"}</label>
            {recovery ? (
              <input id="code" name="code" autocomplete="off" autocapitalize="none" spellcheck={false} required ref={focus} />
            ) : (
              <input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]{6,7}" title="Six digits" required ref={focus} />
            )}
          </div>
          <button class="primary" disabled={busy} aria-busy={busy}>
            {busy ? "Checking…" : "Continue"}
          </button>
        </>
      )}
      {factor.types.includes("webauthn") && passkeysHere && (
        <button type="button" disabled={busy} onClick={() => void run(async () => onStep(await factor.withPasskey(askPasskey)), notRecognised)}>
          <Icon name="key" /> Use a passkey
        </button>
      )}
      <div class="row">
        {hasApp && hasRecovery && (
          <button type="button" class="link" onClick={() => setRecovery(!recovery)}>
            {recovery ? "Use the app's code" : "Use a recovery code"}
          </button>
        )}
        <button type="button" class="link" onClick={onBack}>
          Start again
        </button>
      </div>
    </form>
  );
}
