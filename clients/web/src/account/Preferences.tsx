import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Problem } from "../design/Notice";
import { Region } from "../patient/Region";
import { roleIn } from "../state/role";
import { changeSettings, loadSettings, settings, type Settings } from "../state/settings";
import { toast } from "../state/toasts";
import { hoursFrom, hoursText, SPANS, WEEK } from "./hours";
import { useDeed } from "./useDeed";

const LANGUAGES = "en de fr it es pt nl pl cs sv da nb fi hu ro el tr uk ru ar he hi zh ja ko vi".split(" ");
const languageName = new Intl.DisplayNames("en", { type: "language" });

/** What the server keeps of one's wishes: where and in what language, when not to be disturbed, when one works. */
export function Preferences(): JSX.Element {
  const { busy, problem, attempt } = useDeed();
  useEffect(() => void attempt(async () => void (await loadSettings())), []);
  const { value: held } = settings;
  const therapist = roleIn.value === "therapist";
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const given = (name: string): string => String(form.get(name) ?? "");
    const quiet = given("quiet-from") !== "" && given("quiet-to") !== "";
    void attempt(async () => {
      await changeSettings({
        language: given("language"),
        time_zone: given("zone"),
        quiet_hours: quiet ? { start: given("quiet-from"), end: given("quiet-to") } : null,
        ...(therapist ? { receives_emergencies: form.has("emergencies"), working_hours: hoursFrom(given) } : {}),
      });
      toast("Saved.");
    });
  };
  return (
    <section class="card stack" aria-labelledby="preferences">
      <h2 id="preferences">Your preferences</h2>
      <Problem text={problem} />
      {held === null ? (
        <p class="quiet">Loading…</p>
      ) : (
        <>
          {!therapist && <Region />}
          <form class="stack" onSubmit={submit}>
            <Fields held={held} />
            {therapist && <Work held={held} />}
            <footer>
              <button class="primary" disabled={busy} aria-busy={busy}>
                Save
              </button>
            </footer>
          </form>
        </>
      )}
    </section>
  );
}

function Fields({ held }: { held: Settings }): JSX.Element {
  const languages = LANGUAGES.includes(held.language) ? LANGUAGES : [held.language, ...LANGUAGES];
  const here = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = [...new Set([held.time_zone, here, ...Intl.supportedValuesOf("timeZone")])];
  return (
    <>
      <div class="field">
        <label for="language">Language</label>
        <select id="language" name="language" defaultValue={held.language}>
          {languages.map((code) => (
            <option key={code} value={code} selected={code === held.language}>
              {languageName.of(code)}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for="zone">Time zone</label>
        <select id="zone" name="zone">
          {zones.map((zone) => (
            <option key={zone} value={zone} selected={zone === held.time_zone}>
              {zone === here ? `${zone} (this device's)` : zone}
            </option>
          ))}
        </select>
      </div>
      <fieldset class="stack">
        <legend>Quiet hours</legend>
        <p class="quiet">No notification in this time, but for emergencies. Empty: none.</p>
        <div class="row">
          <div class="field">
            <label for="quiet-from">From</label>
            <input id="quiet-from" name="quiet-from" type="time" defaultValue={held.quiet_hours?.start ?? ""} />
          </div>
          <div class="field">
            <label for="quiet-to">To</label>
            <input id="quiet-to" name="quiet-to" type="time" defaultValue={held.quiet_hours?.end ?? ""} />
          </div>
        </div>
      </fieldset>
    </>
  );
}

/** A therapist's. */
function Work({ held }: { held: Settings }): JSX.Element {
  const hours = "working_hours" in held ? held.working_hours : null;
  return (
    <>
      <label class="check">
        <input type="checkbox" name="emergencies" defaultChecked={!("receives_emergencies" in held) || held.receives_emergencies} />
        <span>
          I receive emergency alerts. <small>While this is off, a patient who sends one is told at once that nobody could be reached.</small>
        </span>
      </label>
      <fieldset class="stack">
        <legend>Working hours</legend>
        <p class="quiet" id="hours-hint">
          As 09:00-12:00, 13:00-17:00. Empty: not worked.
        </p>
        <div class="week">
          {WEEK.map(([day, name]) => (
            <div key={day} class="field">
              <label for={`hours-${day}`}>{name}</label>
              <input id={`hours-${day}`} name={day} pattern={SPANS} title="As 09:00-12:00, 13:00-17:00" aria-describedby="hours-hint" defaultValue={hoursText(hours?.[day])} />
            </div>
          ))}
        </div>
      </fieldset>
    </>
  );
}
