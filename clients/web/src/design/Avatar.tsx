import type { JSX } from "preact";

/** Two letters on a tone that stays with the person. The name stands beside it. */
export function Avatar({ id, name, online }: { id: string; name: string; online?: boolean | null }): JSX.Element {
  const letters = name.split(/\s+/).filter(Boolean);
  const initials = [letters[0], letters.length > 1 ? letters.at(-1) : ""].map((part) => [...(part ?? "")][0] ?? "").join("");
  const tone = [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 4;
  return (
    <span class={`avatar tone-${tone}${online === true ? " online" : ""}`} aria-hidden="true">
      {initials.toUpperCase() || "·"}
    </span>
  );
}
