import { useDeed as useAnyDeed } from "../design/deed";
import { plain } from "../words/errors";
import { confirmed } from "./confirm";

interface Deeds {
  readonly busy: boolean;
  readonly problem: string | null;
  /** Whether it was done; a refusal is in `problem`, and "is it you?" is asked on the way. */
  readonly attempt: (deed: () => Promise<void>) => Promise<boolean>;
}

const words = (error: unknown): string => (error instanceof DOMException ? "Your browser made no passkey. Try again." : plain(error));

/** What a section of the account page does, one deed at a time. */
export function useDeed(): Deeds {
  const { busy, problem, run } = useAnyDeed();
  const attempt = async (deed: () => Promise<void>): Promise<boolean> => {
    let done = false;
    await run(async () => {
      done = (await confirmed(async () => (await deed(), true))) === true;
    }, words);
    return done;
  };
  return { busy, problem, attempt };
}
