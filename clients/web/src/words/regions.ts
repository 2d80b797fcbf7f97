// Countries by their names, as the browser knows them.

const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
/** Codes that the browser names and ISO 3166-1 has not assigned to a country. */
const OTHERS = new Set("AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ".split(" "));

let found: readonly (readonly [string, string])[] | null = null;

/** Code and name, by name. */
export function regions(): readonly (readonly [string, string])[] {
  if (found !== null) return found;
  const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  return (found = codes
    // A code that was given up is another's by now.
    .filter((code) => !OTHERS.has(code) && new Intl.Locale(`und-${code}`).region === code)
    .flatMap((code) => {
      const name = names.of(code);
      return name === undefined ? [] : [[code, name] as const];
    })
    .sort(([, one], [, other]) => one.localeCompare(other)));
}

/** `Canada (CA-QC)` of a subdivision. */
export function regionName(region: string): string {
  const country = names.of(region.slice(0, 2)) ?? region;
  return region.length > 2 ? `${country} (${region})` : country;
}
