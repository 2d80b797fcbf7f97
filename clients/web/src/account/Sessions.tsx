import type { DeviceSession } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "../design/Notice";
import { client } from "../state/client";
import { fullTimeOf } from "../words/times";
import { useDeed } from "./useDeed";

/** Where one is signed in, and the way to end it there. */
export function Sessions(): JSX.Element {
  const [sessions, setSessions] = useState<readonly DeviceSession[]>([]);
  const { busy, problem, attempt } = useDeed();
  const load = async (): Promise<void> => setSessions(await client.account.sessions());
  useEffect(() => void attempt(load), []);
  const others = sessions.filter((one) => !one.is_current);
  const end = (ended: readonly DeviceSession[]): void =>
    void attempt(async () => {
      await client.account.endSessions(ended.map(({ id }) => id));
      await load();
    });
  return (
    <section class="card stack" aria-labelledby="sessions">
      <h2 id="sessions">Where you are signed in</h2>
      <Problem text={problem} />
      <ul class="rows">
        {[...sessions.filter((one) => one.is_current), ...others].map((one) => (
          <li key={one.id}>
            <span class="grow">
              <strong>{deviceOf(one.user_agent)}</strong> {one.is_current && <span class="tag">This one</span>}
              <small>
                Since {fullTimeOf(new Date(one.created_at * 1000).toISOString())} · {one.ip}
              </small>
            </span>
            {!one.is_current && (
              <button type="button" class="small" disabled={busy} aria-label={`End the session of ${deviceOf(one.user_agent)}`} onClick={() => end([one])}>
                End
              </button>
            )}
          </li>
        ))}
      </ul>
      {others.length > 1 && (
        <button type="button" class="danger" disabled={busy} onClick={() => end(others)}>
          End all others
        </button>
      )}
    </section>
  );
}

/** `Firefox on Windows`, as far as it tells. */
function deviceOf(agent: string): string {
  const browser = [/Edg\//, /Firefox\//, /Chrom(e|ium)\//, /Safari\//].findIndex((one) => one.test(agent));
  const system = [/Android/, /iPhone|iPad/, /Windows/, /Mac OS/, /Linux/].findIndex((one) => one.test(agent));
  const name = ["Edge", "Firefox", "Chrome", "Safari"][browser] ?? "A program";
  const on = ["Android", "iPhone or iPad", "Windows", "macOS", "Linux"][system];
  return on === undefined ? name : `${name} on ${on}`;
}
