import { useState } from "preact/hooks";
import { plain } from "../words/errors";

interface Deed {
  readonly busy: boolean;
  /** Why it was refused, in plain words. */
  readonly problem: string | null;
  /** Whether it went well. `words` says a refusal of this one deed otherwise. */
  readonly run: (deed: () => Promise<unknown>, words?: (error: unknown) => string) => Promise<boolean>;
}

/** Something that is asked of the server by a control: busy meanwhile, and a refusal said beside it. */
export function useDeed(): Deed {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const run = async (deed: () => Promise<unknown>, words = plain): Promise<boolean> => {
    setBusy(true);
    setProblem(null);
    try {
      await deed();
      return true;
    } catch (error) {
      setProblem(words(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, run };
}
