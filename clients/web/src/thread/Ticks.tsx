import type { JSX } from "preact";
import { STEPS, type Step } from "./status";

const PATHS: Readonly<Record<Step, string>> = {
  waiting: "M8 4.2V8l2.4 1.6M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12z",
  sending: "M8 4.2V8l2.4 1.6M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12z",
  failed: "M8 4.500v4M8 11.300v.01M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12z",
  sent: "M3.5 8.600l3 3 6-7",
  delivered: "M1.5 8.600l3 3 6-7M8 11l.6.6 6-7",
  read: "M1.5 8.600l3 3 6-7M8 11l.6.6 6-7",
};

/** A sign for how far a message has got. It is told by shape and by word; colour is only an addition. */
export function Ticks({ step, word }: { step: Step; word: boolean }): JSX.Element {
  return (
    <span class={`ticks ${step}`} title={STEPS[step]}>
      <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
        <path d={PATHS[step]} />
        {step === "read" && <circle cx="14" cy="13" r="1.6" fill="currentColor" stroke="none" />}
      </svg>
      <span class={word ? "" : "sr-only"}>{STEPS[step]}</span>
    </span>
  );
}
