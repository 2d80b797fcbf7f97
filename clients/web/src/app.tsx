import type { JSX } from "preact";
import { roleIn } from "./state/role";
import { standing } from "./state/client";
import { locked } from "./state/lock";
import { LockScreen } from "./lock/LockScreen";
import { SignIn } from "./signin/SignIn";
import { AdminLayout } from "./layout/AdminLayout";
import { PatientLayout } from "./layout/PatientLayout";
import { TherapistLayout } from "./layout/TherapistLayout";
import { Announcer } from "./design/Announcer";
import { MenuHost } from "./design/Menu";
import { Toasts } from "./design/Toasts";

const LAYOUTS = { therapist: TherapistLayout, patient: PatientLayout, admin: AdminLayout } as const;

export function App(): JSX.Element {
  // Covered: nothing of it is left in the page.
  if (standing.value === "signed-in" && locked.value) return <LockScreen />;
  return (
    <>
      <Screen />
      <Toasts />
      <MenuHost />
      <Announcer />
    </>
  );
}

function Screen(): JSX.Element | null {
  if (standing.value === "starting") return null;
  const role = roleIn.value;
  if (standing.value === "signed-out" || role === null) return <SignIn />;
  const Layout = LAYOUTS[role];
  return <Layout />;
}
