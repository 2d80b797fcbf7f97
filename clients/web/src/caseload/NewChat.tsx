import type { CareRelationship } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Avatar } from "../design/Avatar";
import { useDeed } from "../design/deed";
import { Dialog } from "../design/Dialog";
import { Problem } from "../design/Notice";
import { go, to } from "../router";
import { chats } from "../state/chats";
import { client } from "../state/client";
import { plain } from "../words/errors";

/** Those in the therapist's care without a chat yet. */
export function NewChat({ onClose }: { onClose: () => void }): JSX.Element {
  const [care, setCare] = useState<readonly CareRelationship[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const { busy, problem: refusal, run } = useDeed();
  useEffect(() => {
    client.care.list().then(setCare, (error: unknown) => setProblem(plain(error)));
  }, []);
  const begin = async ({ therapist_id, patient_id }: CareRelationship): Promise<void> => {
    await run(async () => {
      const chat = await client.chats.open(therapist_id, patient_id);
      onClose();
      go(to.chat(chat.id));
    });
  };
  const talking = new Set(chats.value.map((chat) => chat.detail.patient_id));
  const left = care?.filter(({ active, patient_id }) => active && !talking.has(patient_id));
  return (
    <Dialog title="New chat" onClose={onClose}>
      <div class="stack">
        <Problem text={problem ?? refusal} />
        {left === undefined && problem === null && <p class="quiet">Loading…</p>}
        {left?.length === 0 && <p>Everybody in your care has a chat with you already. New patients are put into your care by the clinic's administration.</p>}
        {left !== undefined && left.length > 0 && (
          <ul class="choices">
            {left.map((one) => (
              <li key={one.id}>
                <button type="button" disabled={busy} onClick={() => void begin(one)}>
                  <Avatar id={one.patient_id} name={one.patient_full_name} />
                  <span class="clip">{one.patient_full_name}</span>
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
    </Dialog>
  );
}
