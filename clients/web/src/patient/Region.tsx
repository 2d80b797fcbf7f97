import type { JSX } from "preact";
import { useEffect, useId } from "preact/hooks";
import { useDeed } from "../design/deed";
import { Problem } from "../design/Notice";
import { loadCrisis } from "../state/crisis";
import { changeSettings, loadSettings, settings } from "../state/settings";
import { toast } from "../state/toasts";
import { regionName, regions } from "../words/regions";

/** Where one is: whom to call is different everywhere. Kept as it is chosen. */
export function Region(): JSX.Element {
  const id = useId();
  const { problem, run } = useDeed();
  useEffect(() => {
    if (settings.value === null) void run(loadSettings);
  }, []);
  const region = settings.value?.region ?? "";
  const put = async (code: string): Promise<void> => {
    await changeSettings({ region: code === "" ? null : code });
    await loadCrisis();
    toast("Saved. The numbers shown are those of your region.");
  };
  const known = regions();
  return (
    <div class="field">
      <label for={id}>Where you are</label>
      <select
        id={id}
        value={region}
        disabled={settings.value === null}
        onChange={(event) => {
          const { value } = event.currentTarget;
          void run(() => put(value));
        }}
      >
        <option value="">Not said</option>
        {region !== "" && !known.some(([code]) => code === region) && <option value={region}>{regionName(region)}</option>}
        {known.map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
      <small>It decides which emergency numbers you are shown, and nothing else.</small>
      <Problem text={problem} />
    </div>
  );
}
