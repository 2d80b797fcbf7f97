import type { Message } from "@therapyconnect/client";
import type { JSX } from "preact";
import { Icon } from "../../design/icons";
import { plainDate } from "../../words/times";
import { Text } from "../Text";
import { PRESCRIPTION_TEXT, prescriptionOf, type Prescription } from "./payloads";

/** A record of what was prescribed; one that was corrected says so, and stays. */
export function PrescriptionCard({ message, replaced }: { message: Message; replaced: boolean }): JSX.Element {
  const prescription = prescriptionOf(message);
  if (prescription === null) return <Text text={message.text ?? ""} />;
  const { drug, strength, replaces } = prescription;
  return (
    <div class={`slip${replaced ? " cancelled" : ""}`}>
      <div class="slip-head">
        <Icon name="pill" /> <strong>Prescription</strong>
        {replaced && <span class="tag">Corrected by a later one</span>}
        {replaces !== null && <span class="tag">Corrects an earlier one</span>}
      </div>
      <p class="when">
        {drug} {strength}
      </p>
      <dl>
        {linesOf(prescription).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {message.text !== PRESCRIPTION_TEXT && <Text text={message.text ?? ""} />}
      <p class="quiet">A record, not an e-prescription: no pharmacy gets it.</p>
    </div>
  );
}

function linesOf(given: Prescription): [string, string][] {
  const { dose, frequency, route, form, quantity, refills, start_date, end_date, note } = given;
  const dates = [start_date && `from ${plainDate(start_date)}`, end_date && `to ${plainDate(end_date)}`].filter(Boolean);
  const lines: [string, string | null][] = [
    ["Dose", dose],
    ["How often", frequency],
    ["Form", form],
    ["Route", route],
    ["Amount", quantity && `${quantity.value} ${quantity.unit}`],
    ["Refills", refills === null ? null : String(refills)],
    ["Time", dates.length > 0 ? dates.join(" ") : null],
    ["Note", note],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== null && line[1] !== "");
}
