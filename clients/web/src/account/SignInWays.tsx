import type { Authenticator } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "../design/Notice";
import { client, me } from "../state/client";
import { Passkeys } from "./Passkeys";
import { RecoveryCodes } from "./RecoveryCodes";
import { Totp } from "./Totp";
import { useDeed } from "./useDeed";

/** The second factor, the codes for when it is lost, and passkeys. */
export function SignInWays(): JSX.Element {
  const [ways, setWays] = useState<readonly Authenticator[] | null>(null);
  const [begun, setBegun] = useState<{ secret: string; url: string } | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const { busy, problem, attempt } = useDeed();
  const reload = async (): Promise<void> => {
    setWays(await client.account.authenticators());
    me.value = await client.me();
  };
  useEffect(() => void attempt(reload), []);
  const app = ways?.find(({ type }) => type === "totp");
  const recovery = ways?.find(({ type }) => type === "recovery_codes");
  const activated = async (): Promise<void> => {
    setBegun(null);
    await attempt(async () => {
      setCodes(await client.account.recoveryCodes());
      await reload();
    });
  };
  return (
    <section class="card stack" aria-labelledby="ways">
      <h2 id="ways">How you sign in</h2>
      <Problem text={problem} />
      {ways === null ? (
        <p class="quiet">Loading…</p>
      ) : (
        <>
          <h3>Authenticator app</h3>
          {app === undefined ? (
            <>
              <p class="quiet">A code from your phone, besides your password: whoever learns the password alone stays outside.</p>
              <button type="button" class="start" disabled={busy} onClick={() => void attempt(async () => setBegun(await client.account.beginTotp()))}>
                Set up an authenticator app
              </button>
            </>
          ) : (
            <div class="row">
              <span class="grow">It is on: signing in asks for a code.</span>
              <button
                type="button"
                class="small danger"
                disabled={busy}
                onClick={() =>
                  void attempt(async () => {
                    await client.account.removeTotp();
                    await reload();
                  })
                }
              >
                Turn it off
              </button>
            </div>
          )}
          {recovery !== undefined && (
            <div class="row">
              <span class="grow">{recovery.unused_code_count} recovery codes are left.</span>
              <button
                type="button"
                class="small"
                disabled={busy}
                onClick={() =>
                  void attempt(async () => {
                    setCodes(await client.account.renewRecoveryCodes());
                    await reload();
                  })
                }
              >
                Make new ones
              </button>
            </div>
          )}
          <Passkeys passkeys={ways.filter(({ type }) => type === "webauthn")} reload={reload} />
        </>
      )}
      {begun !== null && <Totp {...begun} onClose={() => setBegun(null)} onDone={() => void activated()} />}
      {codes !== null && <RecoveryCodes codes={codes} onClose={() => setCodes(null)} />}
    </section>
  );
}
