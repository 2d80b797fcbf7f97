import type { Authenticator } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "../design/icons";
import { Problem } from "../design/Notice";
import { passkeysHere } from "../signin/passkey";
import { client } from "../state/client";
import { plainDate } from "../words/times";
import { useDeed } from "./useDeed";

async function make(options: unknown): Promise<unknown> {
  const given = options as { publicKey: PublicKeyCredentialCreationOptionsJSON };
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(given.publicKey);
  return ((await navigator.credentials.create({ publicKey })) as PublicKeyCredential).toJSON();
}

interface Props {
  readonly passkeys: readonly Authenticator[];
  readonly reload: () => Promise<void>;
}

/** Passkeys: the device's own lock instead of a password. */
export function Passkeys({ passkeys, reload }: Props): JSX.Element {
  const { busy, problem, attempt } = useDeed();
  const [naming, setNaming] = useState<number | null>(null);
  const act = (deed: () => Promise<void>): Promise<boolean> =>
    attempt(async () => {
      await deed();
      await reload();
    });
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const name = String(new FormData(form).get("name")).trim() || "Passkey";
    const id = naming;
    const done = await act(() => (id === null ? client.account.addPasskey(name, make) : client.account.renamePasskey(id, name)));
    if (!done) return;
    setNaming(null);
    form.reset();
  };
  const renamed = passkeys.find(({ id }) => id === naming);
  return (
    <div class="stack">
      <h3>Passkeys</h3>
      <p class="quiet">Sign in with your fingerprint, your face or your device's code.</p>
      <Problem text={problem} />
      <ul class="rows">
        {passkeys.map(({ id, name, created_at }) => (
          <li key={id}>
            <Icon name="key" />
            <span class="grow">
              <strong>{name}</strong>
              <small>Since {plainDate(new Date(created_at * 1000).toISOString().slice(0, 10))}</small>
            </span>
            <button type="button" class="small" disabled={busy} aria-label={`Rename ${name}`} onClick={() => setNaming(id ?? null)}>
              Rename
            </button>
            <button type="button" class="small danger" disabled={busy} aria-label={`Remove ${name}`} onClick={() => void act(() => client.account.removePasskeys([id ?? 0]))}>
              Remove
            </button>
          </li>
        ))}
      </ul>
      {(passkeysHere || naming !== null) && (
        <form class="row" key={naming} onSubmit={(event) => void submit(event)}>
          <div class="field grow">
            <label for="passkey-name">{renamed === undefined ? "Name of a new passkey" : `New name of ${renamed.name}`}</label>
            <input id="passkey-name" name="name" maxLength={60} placeholder="My phone" defaultValue={renamed?.name ?? ""} required={renamed !== undefined} />
          </div>
          <button disabled={busy} aria-busy={busy}>
            {renamed === undefined ? "Add a passkey" : "Rename"}
          </button>
        </form>
      )}
    </div>
  );
}
