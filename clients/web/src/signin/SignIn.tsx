import type { LogIn, SecondFactor } from "@therapyconnect/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Mark } from "../design/icons";
import { begin, standing } from "../state/client";
import { Password } from "./Password";
import { Factor } from "./Factor";

/** Sign in: e-mail and password or a passkey, then the second factor where there is one. */
export function SignIn(): JSX.Element {
  const [factor, setFactor] = useState<SecondFactor | null>(null);
  const onStep = async (step: LogIn): Promise<void> => {
    if (step.done) {
      // Who came by the store of another tab is on their way already.
      if (standing.peek() === "signed-out") await begin();
    }
    else setFactor(step.factor);
  };
  return (
    <main class="signin">
      <span class="wordmark">
        <Mark size={30} /> TherapyConnect
      </span>
      <div class="sheet">
        {factor === null ? <Password onStep={onStep} /> : <Factor factor={factor} onStep={onStep} onBack={() => setFactor(null)} />}
      </div>
      <p class="foot">Not for emergencies. If you are in danger, call your local emergency number.</p>
    </main>
  );
}
