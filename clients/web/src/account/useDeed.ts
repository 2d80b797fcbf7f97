import { useState } from "preact/hooks";
import { plain } from "../words/errors";
import { confirmed } from "./confirm";

interface Deeds {
  readonly busy: boolean;
  readonly problem: string | null;
  /** Whether it was done; a refusal is in `problem`, and "is it you?" is asked on the way. */
  readonly attempt: (deed: () => Promise<void>) => Promise<boolean>;
}

/** What a section of the account page does, one deed at a time. */
export function useDeed(): Deeds {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const attempt = async (deed: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    setProblem(null);
    try {
      return (await confirmed(async () => (await deed(), true))) === true;
    } catch (error) {
      setProblem(error instanceof DOMException ? "Your browser made no passkey. Try again." : plain(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, attempt };
}
