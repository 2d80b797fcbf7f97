import { render } from "preact";
import "./design/tokens.css";
import "./design/base.css";
import "./design/controls.css";
import "./design/layout.css";
import "./thread/thread.css";
import "./caseload/caseload.css";
import "./alerts/alerts.css";
import "./patient/patient.css";
import "./urgent/urgent.css";
import "./lock/lock.css";
import "./state/arrivals";
import "./state/desktop";
import "./state/theme";
import { fetchAccount } from "./account/Account";
import { App } from "./app";
import { fetchAccess, fetchRoom } from "./room/Room";
import { begin, client } from "./state/client";
import { roleIn } from "./state/role";

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
void begin();
// They are at hand then, also without a line to the server.
const AT_LEISURE_MS = 2_000;
const atLeisure = (): void => void Promise.all([fetchAccount(), roleIn.value === "patient" ? fetchAccess() : fetchRoom()]);
void client.once("synced").then(() => setTimeout(atLeisure, AT_LEISURE_MS));
